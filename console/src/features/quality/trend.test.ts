import { describe, expect, it } from "vitest";
import type { QualityLine } from "@/api/qualityTypes";
import type { Completion } from "@/api/types";
import { nameOf, namesOf, print, rowsOf } from "./trend";

const line = (release: string, day: number): QualityLine => ({
  app: "support",
  release,
  day,
  judges: [],
  quality: {
    value: 1,
    low: 0,
    high: 1,
    n: 1,
    clusters: 1,
    unscored: 0,
    worst: null,
    best: null,
    corrected: null,
    corrected_low: null,
    corrected_high: null,
    method: "",
  },
});

describe("scores over time", () => {
  it("have the names that the search completes", () => {
    const items = ["score.thumbs", "score.tone:", 'score."two words"', "status"].map((text) => ({ text }));
    expect(namesOf({ items } as unknown as Completion)).toEqual(["thumbs", "tone", "two words"]);
    expect(namesOf(undefined)).toEqual([]);
  });
  it("go by release, each with its days in order", () => {
    const rows = rowsOf([line("r2", 3), line("r1", 1), line("r2", 2)]);
    expect(rows.map((row) => [row.name, row.days.map((each) => each.day)])).toEqual([
      ["support@r2", [2, 3]],
      ["support@r1", [1]],
    ]);
    expect(nameOf({ app: "", release: "" })).toBe("no app");
  });
  it("are told with no more digits than tell something", () => {
    expect([print(0.912345), print(null), print(4)]).toEqual(["0.912", "–", "4"]);
  });
});
