import { describe, expect, it } from "vitest";
import { grouped, NAV } from "./nav";

describe("the navigation", () => {
  it("has every page in one named group, in order", () => {
    const groups = grouped(NAV);
    expect(groups.flatMap((group) => group.items)).toEqual(NAV);
    expect(groups.every((group) => group.name !== "")).toBe(true);
    expect(new Set(groups.map((group) => group.name)).size).toBe(groups.length);
    expect(new Set(NAV.map((item) => item.to)).size).toBe(NAV.length);
  });
});
