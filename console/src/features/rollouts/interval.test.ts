import { describe, expect, it } from "vitest";
import { placeOf, scaleOf, spanOf } from "./interval";

describe("a shared line", () => {
  it("holds every end and what else must be on it, with room beside", () => {
    const scale = scaleOf([{ low: 2, mid: 3, high: 4 }], [0]);
    expect(scale.from).toBeLessThan(0);
    expect(scale.to).toBeGreaterThan(4);
  });
  it("has a length even where all values are one", () => {
    const scale = scaleOf([{ low: 5, mid: 5, high: 5 }]);
    expect(placeOf(5, scale)).toBeCloseTo(50);
  });
  it("is there before there is anything to show", () => {
    expect(scaleOf([{ low: null, mid: null, high: null }])).toEqual({ from: 0, to: 1 });
  });
  it("keeps order: what is more stands further right", () => {
    const scale = scaleOf([{ low: -1, mid: 0, high: 3 }]);
    expect(placeOf(-1, scale)).toBeLessThan(placeOf(0, scale));
    expect(placeOf(0, scale)).toBeLessThan(placeOf(3, scale));
  });
});

describe("a span", () => {
  it("reaches the end of the line where the data does not bound it", () => {
    expect(spanOf({ low: null, mid: null, high: null }, { from: 0, to: 1 })).toEqual({ left: 0, width: 100 });
  });
  it("is as wide as its interval", () => {
    expect(spanOf({ low: 1, mid: 2, high: 3 }, { from: 0, to: 4 })).toEqual({ left: 25, width: 50 });
  });
});
