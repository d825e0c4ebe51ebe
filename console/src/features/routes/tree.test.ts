import { describe, expect, it } from "vitest";
import { linesOf } from "./tree";

describe("a route's tree in lines", () => {
  it("names each node's place as the server does", () => {
    const lines = linesOf({
      node: "when",
      of: [{ if: { feature: ["bulk"], not: { tags: ["vip"] } }, use: "cheap" }],
      otherwise: { node: "fallback", of: [{ node: "fastest", of: ["a", "b"] }, "c"] },
    });
    expect(lines.map((line) => [line.path, line.depth, line.model])).toEqual([
      ["tree", 0, null],
      ["tree.of[0].use", 1, "cheap"],
      ["tree.otherwise", 1, null],
      ["tree.otherwise.of[0]", 2, null],
      ["tree.otherwise.of[0].of[0]", 3, "a"],
      ["tree.otherwise.of[0].of[1]", 3, "b"],
      ["tree.otherwise.of[1]", 2, "c"],
    ]);
    expect(lines[1]?.label).toBe("if feature bulk and not (tags vip)");
  });
  it("shows weights as shares of all", () => {
    const lines = linesOf({
      node: "weights",
      of: [
        { weight: 1, use: "a" },
        { weight: 3, use: { node: "target", model: "b" } },
      ],
    });
    expect(lines.slice(1).map((line) => [line.label, line.model])).toEqual([
      ["25 %", "a"],
      ["75 %", "b"],
    ]);
  });
  it("takes a lone target for a tree", () => {
    expect(linesOf("fast")).toHaveLength(1);
  });
});
