import { describe, expect, it } from "vitest";
import type { QualityLine } from "@/api/qualityTypes";
import { bySource, nameOf, print, rowsOf } from "./trend";

const line = (release: string, day: number, source: QualityLine["source"] = "llm"): QualityLine => ({
  app: "support",
  release,
  day,
  source,
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
  it("are told apart by who judged, people first", () => {
    const parts = bySource({ releases: [line("r1", 1), line("r1", 1, "human")], days: [line("r1", 1)] });
    expect(parts.map((part) => [part.source, part.releases.length, part.days.length])).toEqual([
      ["human", 1, 0],
      ["llm", 1, 1],
    ]);
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
    expect([print(0.912345), print(null), print(4), print(6.27e-14)]).toEqual(["0.912", "–", "4", "0"]);
  });
});
