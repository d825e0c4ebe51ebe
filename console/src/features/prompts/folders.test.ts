import { expect, it } from "vitest";
import { foldersOf, isIn, labelsOf } from "./folders";

it("folders come once, parents first, with what is below them counted", () => {
  const found = foldersOf([{ folder: "desk/eu" }, { folder: "desk-two" }, { folder: "desk" }, { folder: "" }]);
  expect(found.map((each) => [each.path, each.depth, each.count])).toEqual([
    ["desk-two", 0, 1],
    ["desk", 0, 2],
    ["desk/eu", 1, 1],
  ]);
  expect(found[2]?.name).toBe("eu");
});

it("a prompt is in its folder and in those above, and in no folder of a like name", () => {
  expect(isIn({ folder: "desk/eu" }, "desk")).toBe(true);
  expect(isIn({ folder: "desk-two" }, "desk")).toBe(false);
  expect(isIn({ folder: "" }, "")).toBe(true);
});

it("labels are counted over prompts", () => {
  const label = { label: "production", version: 1, author: "", updated: 0 };
  expect(labelsOf([{ labels: [label] }, { labels: [label, { ...label, label: "beta" }] }])).toEqual([
    ["beta", 1],
    ["production", 2],
  ]);
});
