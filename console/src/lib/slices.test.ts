import { describe, expect, it } from "vitest";
import { atOnce, inSlices, type Work } from "./slices";

function* sum(count: number, busyMs = 0): Work<number> {
  let total = 0;
  for (let i = 0; i < count; i++) {
    total += i;
    for (const until = performance.now() + busyMs; performance.now() < until; );
    yield;
  }
  return total;
}

describe("long work", () => {
  it("comes to the same at once and in slices", async () => {
    expect(atOnce(sum(1000))).toBe(499_500);
    expect(await inSlices(sum(1000))).toBe(499_500);
  });

  it("lets others have their turn in between", async () => {
    const order: string[] = [];
    setTimeout(() => order.push("another"), 0);
    await inSlices(sum(30, 3));
    order.push("done");
    expect(order).toEqual(["another", "done"]);
  });

  it("ends where nobody waits for it any more", async () => {
    const gone = new AbortController();
    const work = inSlices(sum(1_000_000, 1), gone.signal);
    gone.abort(new Error("left"));
    await expect(work).rejects.toThrow("left");
  });
});
