import { describe, expect, it } from "vitest";
import { AGAIN_MS, reloadOnce } from "./rebuilt";

function page() {
  const kept = new Map<string, string>();
  let loads = 0;
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (k: string, v: string) => kept.set(k, v),
  };
  const fail = (now: number) => reloadOnce(storage, now, () => loads++);
  return { fail, loads: () => loads };
}

describe("a page whose files are gone", () => {
  it("is loaded anew once, and not again while that does not help", () => {
    const open = page();
    expect(open.fail(1_000_000)).toBe(true);
    expect(open.fail(1_000_500)).toBe(false);
    expect(open.fail(1_000_000 + AGAIN_MS - 1)).toBe(false);
    expect(open.loads()).toBe(1);
  });

  it("is loaded anew after the next build, too", () => {
    const open = page();
    open.fail(1_000_000);
    expect(open.fail(1_000_000 + AGAIN_MS)).toBe(true);
    expect(open.loads()).toBe(2);
  });
});
