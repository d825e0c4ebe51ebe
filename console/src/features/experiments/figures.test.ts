import { describe, expect, it } from "vitest";
import type { CaseDelta, Estimate } from "@/api/evaluationTypes";
import { badness, byWorst, ends, figure, missingWords, pWords, shortNames, signed, tally, tallyWords } from "./figures";

const estimate = (over: Partial<Estimate>): Estimate => ({
  value: 0.8,
  low: 0.7,
  high: 0.9,
  n: 40,
  clusters: 40,
  unscored: 0,
  errors: 0,
  worst: null,
  best: null,
  ...over,
});
const delta = (case_id: string, value: number | null, metric = "exact"): CaseDelta => ({
  case_id,
  metric,
  a: null,
  b: null,
  delta: value,
});

describe("figures", () => {
  it("are told in their unit", () => {
    expect(figure(0.8512, "share")).toBe("85.1 %");
    expect(figure(1234, "ms")).toBe("1.23 s");
    expect(figure(2_100_000_000, "picodollars")).toBe("$0.0021");
    expect(figure(2.71449, "number")).toBe("2.71");
    expect(figure(null, "share")).toBe("–");
  });
  it("carry their sign, in points for shares and as shares where relative", () => {
    expect(signed(-0.05, { unit: "share", relative: false })).toBe("−5 points");
    expect(signed(0.12, { unit: "ms", relative: true })).toBe("+12 %");
    expect(signed(0, { unit: "number", relative: false })).toBe("±0");
  });
  it("say what is missing from them, and what it could have been", () => {
    expect(missingWords(estimate({}), "share")).toBe("");
    expect(missingWords(estimate({ unscored: 3, errors: 1, worst: 0.7, best: 0.85 }), "share")).toBe(
      "3 could not be scored, 1 had no answer; had all of them been bad, or good: 70 % to 85 %",
    );
    expect(missingWords(estimate({ errors: 2 }), "ms")).toBe("2 had no answer");
  });
  it("say where there is no interval", () => {
    expect(ends(estimate({}), "share")).toBe("70 % to 90 %");
    expect(ends(estimate({ low: null, high: null }), "share")).toBe("no interval");
    expect(ends(estimate({ low: null }), "share")).toBe("at most 90 %");
    expect(ends(estimate({ value: null }), "share")).toBe("");
  });
  it("call releases of one app by their numbers, others by their names, and two of one name apart", () => {
    expect(shortNames(["support@r12", "support@r11"])).toEqual(["r12", "r11"]);
    expect(shortNames(["support@r12", "shop@r12"])).toEqual(["support@r12", "shop@r12"]);
    expect(shortNames(["support@r12", "lab/gpt"])).toEqual(["support@r12", "lab/gpt"]);
    expect(shortNames(["support@r12"])).toEqual(["support@r12"]);
    expect(shortNames(["gpt", "gpt"])).toEqual(["gpt (A)", "gpt (B)"]);
  });
  it("never tell a p value as zero", () => {
    expect(pWords(0)).toBe("p < 0.0001");
    expect(pWords(0.0312)).toBe("p 0.031");
    expect(pWords(null)).toBe("");
  });
});

describe("cases", () => {
  const deltas = [
    delta("a", 0),
    delta("b", -1),
    delta("c", null),
    delta("d", 0.5),
    delta("e", -0.5),
    delta("x", -9, "other"),
  ];
  it("come worst first, those that cannot be compared last", () => {
    expect(byWorst(deltas, { name: "exact", better: "higher" }).map((each) => each.case_id)).toEqual([
      "b",
      "e",
      "a",
      "d",
      "c",
    ]);
    expect(byWorst(deltas, { name: "exact", better: "lower" }).map((each) => each.case_id)).toEqual([
      "d",
      "a",
      "e",
      "b",
      "c",
    ]);
  });
  it("come by size where neither direction is better", () => {
    expect(badness(-2, null)).toBe(2);
    expect(byWorst(deltas, { name: "exact", better: null })[0]?.case_id).toBe("b");
  });
  it("are counted by where they went, and an incomparable one is none of these", () => {
    const counted = tally(
      deltas.filter((each) => each.metric === "exact"),
      "higher",
    );
    expect(counted).toEqual({ worse: 2, same: 1, better: 1, unknown: 1 });
    expect(tallyWords(counted)).toBe("2 got worse, 1 got better, 1 stayed, 1 case cannot be compared");
  });
});
