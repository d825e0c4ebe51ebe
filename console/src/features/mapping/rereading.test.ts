import { describe, expect, it } from "vitest";
import type { ComesToView, MappingView } from "@/api/types";
import { afterPage, begun, changesOf, keep, kept, stageOf, versionName, windowOf } from "./rereading";

const SUMS: ComesToView = { spans: 9, calls: 2, unknown: 1, errors: 0, tokens: 15, cost: "0.25", unpriced: 1 };
const NOW: MappingView = { start: 1, end: 2, readers: [], stale: 3, waiting: 0, left: [], comes_to: SUMS };

describe("reading traces again", () => {
  it("notes page after page, waits until they are made, and is done when no old one is left", () => {
    let going = begun(NOW);
    expect(stageOf(going, NOW, 10)).toBe("noting");
    going = afterPage(going, { traces: 2, cursor: "c" }, 10);
    expect([going.noted, going.cursor, stageOf(going, NOW, 10)]).toEqual([2, "c", "noting"]);
    going = afterPage(going, { traces: 1, cursor: null }, 20);
    expect(going.noted).toBe(3);
    expect(stageOf(going, { ...NOW, waiting: 3 }, 30)).toBe("making");
    expect(stageOf(going, { ...NOW, waiting: 0, stale: 0 }, 30)).toBe("done");
  });
  it("does not take what is still on its way for done, and says where some stay as they were", () => {
    const going = afterPage(begun(NOW), { traces: 3, cursor: null }, 1_000);
    expect(stageOf(going, NOW, 2_000)).toBe("making");
    expect(stageOf(going, NOW, 62_000)).toBe("stopped");
    expect(stageOf({ ...going, seenWaiting: true }, NOW, 2_000)).toBe("stopped");
    expect(stageOf(going, { ...NOW, waiting: null }, 62_000)).toBe("making");
    expect(stageOf(going, undefined, 62_000)).toBe("making");
  });
  it("tells only what changed", () => {
    const after = { ...SUMS, calls: 4, cost: "0.5" };
    expect(changesOf(SUMS, after, (dollars) => `$${dollars}`)).toEqual([
      { what: "calls of models", before: "2", after: "4" },
      { what: "cost", before: "$0.25", after: "$0.5" },
    ]);
    expect(changesOf(SUMS, SUMS, String)).toEqual([]);
  });
  it("survives a reload, and forgets what nobody can read", () => {
    const store = new Map<string, string>();
    const storage = {
      getItem: (key: string) => store.get(key) ?? null,
      setItem: (key: string, text: string) => void store.set(key, text),
      removeItem: (key: string) => void store.delete(key),
    };
    const going = begun(NOW);
    keep("p", going, storage);
    expect(kept("p", storage)).toEqual(going);
    expect(kept("q", storage)).toBeNull();
    keep("p", null, storage);
    expect(store.size).toBe(0);
    store.set("trimtab.rereading.p", "{");
    expect(kept("p", storage)).toBeNull();
  });
  it("has names for versions and spans of time", () => {
    expect([versionName(4003), versionName(4000)]).toEqual(["4.3", "4.0"]);
    expect(windowOf("7", 10 * 86_400_000)).toEqual({ start: 3 * 86_400_000, end: 10 * 86_400_000 });
    expect(windowOf("all", 5)).toEqual({ start: 0, end: 5 });
    expect(windowOf(undefined, 40 * 86_400_000).start).toBe(10 * 86_400_000);
  });
});
