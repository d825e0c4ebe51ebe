import { describe, expect, it } from "vitest";
import type { AggregateReport } from "@/api/types";
import { costWords, figuresOf, NOTHING } from "./figures";
import { numberOf, tracesOf } from "./links";

const report = (groups: AggregateReport["groups"]): AggregateReport => ({
  window: { start: 0, end: 1 },
  of: "traces",
  step_ms: 0,
  group_by: ["app"],
  metrics: [],
  groups,
  series: [],
  more: 0,
});

describe("the last day", () => {
  it("is told by group, and what has no price is no zero", () => {
    const figures = figuresOf(
      report([
        { group: ["support"], values: [140, 39, "0.00263", 0, 6.2] },
        { group: ["digest", "r2"], values: [3, 0, null, 3, null] },
      ]),
    );
    expect(figures.get("support")).toEqual({ calls: 140, errors: 39, cost: "0.00263", unpriced: 0, p95: 6.2 });
    expect(figures.get("digest r2")).toEqual({ calls: 3, errors: 0, cost: null, unpriced: 3, p95: null });
    expect(figuresOf(undefined).size).toBe(0);
  });
  it("says that a cost is a lower bound, or not known", () => {
    expect(costWords({ ...NOTHING, calls: 2, cost: "1.5" })).toBe("$1.50");
    expect(costWords({ ...NOTHING, calls: 2, cost: "1.5", unpriced: 1 })).toBe("≥ $1.50");
    expect(costWords({ ...NOTHING, calls: 2 })).toBe("no price");
    expect(costWords(NOTHING)).toBe("–");
  });
});

describe("calls and releases", () => {
  it("lead to each other", () => {
    expect(tracesOf({ app: "support", release: 12, environment: "production" })).toBe(
      "app:support release:r12 environment:production",
    );
    expect(tracesOf({ app: "support" })).toBe("app:support");
  });
  it("tell our releases from what foreign spans call so", () => {
    expect(["r12", "r0", "1.2.3", "", "r1x"].map(numberOf)).toEqual([12, null, null, null, null]);
  });
});
