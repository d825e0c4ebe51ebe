import { expect, test } from "vitest";
import type { AggregateReport } from "@/api/types";
import {
  below,
  figureAt,
  formatFigure,
  joined,
  lines,
  NEW_TILE,
  nameOfMetric,
  shownMetrics,
  unpricedOf,
  words,
} from "./figures";

const report = (unit: AggregateReport["metrics"][number]["unit"]): AggregateReport => ({
  window: { start: 0, end: 3_000 },
  of: "traces",
  step_ms: 1_000,
  group_by: ["model"],
  metrics: [{ name: "m", unit }],
  groups: [
    { group: ["a"], values: [3] },
    { group: [""], values: [1] },
  ],
  series: [
    { start: 0, group: ["a"], values: [1] },
    { start: 2_000, group: ["a"], values: ["2.5"] },
    { start: 1_000, group: ["other"], values: [9] },
  ],
  more: 0,
});

test("steps in which nothing happened are zero for counts and gaps for measurements", () => {
  expect(lines(report("count"))).toEqual({
    time: [0, 1, 2],
    lines: [
      { label: "a", values: [1, 0, 2.5] },
      { label: "not set", values: [0, 0, 0] },
    ],
  });
  expect(lines(report("ms")).lines[0]?.values).toEqual([1, null, 2.5]);
});

test("figures carry their unit, and what is not known is a dash", () => {
  expect(formatFigure(null, "usd")).toBe("–");
  expect(formatFigure("0.0125", "usd")).toBe("$0.0125");
  expect(formatFigure(0.034, "ratio")).toBe("3.4 %");
  expect(formatFigure(1234, "ms")).toBe("1.23 s");
  expect(formatFigure(12345, "count")).toBe("12.3k");
  expect(formatFigure([{ value: "ann", count: 3 }], "values")).toBe("ann (3)");
});

test("a new tile stands below the others, lists are read from commas, searches are joined", () => {
  expect(below([]).y).toBe(0);
  expect(below([{ ...NEW_TILE, y: 3, h: 2 }]).y).toBe(5);
  expect(words("count, p95(duration),top(user,5), ")).toEqual(["count", "p95(duration)", "top(user,5)"]);
  expect(joined("a:1", "")).toBe("a:1");
  expect(joined("a:1", "b:2")).toBe("(a:1) (b:2)");
});

test("metrics are named in words, and those without words as they are written", () => {
  expect(
    ["count", "error_rate", "p95(duration)", "uniq(user)", "avg(ttft)", "score.helpful", "top(user,3)"].map((name) =>
      nameOfMetric(name),
    ),
  ).toEqual([
    "calls",
    "error rate",
    "p95 duration",
    "different user",
    "avg first token",
    "score.helpful",
    "top(user,3)",
  ]);
  expect(nameOfMetric("count", "spans")).toBe("spans");
});

test("where nothing is grouped each metric of one unit is a line, and what is of another unit is none", () => {
  const drawn = lines({
    ...report("ms"),
    group_by: [],
    metrics: [
      { name: "p50(duration)", unit: "ms" },
      { name: "p95(duration)", unit: "ms" },
      { name: "count", unit: "count" },
    ],
    groups: [{ group: [], values: [2, 5, 9] }],
    series: [{ start: 1_000, group: [], values: [2, 5, 9] }],
  });
  expect(drawn.lines).toEqual([
    { label: "p50 duration", values: [null, 2, null] },
    { label: "p95 duration", values: [null, 5, null] },
  ]);
});

test("a cost that some prices are missing from says that it is a lower bound, and none at all is no zero", () => {
  const asked: Pick<AggregateReport, "metrics"> = {
    metrics: [
      { name: "cost", unit: "usd" },
      { name: "unpriced", unit: "count" },
    ],
  };
  expect(shownMetrics(asked).map(({ metric }) => metric.name)).toEqual(["cost"]);
  expect(figureAt(asked, ["1.5", 2], 0)).toBe("≥ $1.50");
  expect(figureAt(asked, ["1.5", 0], 0)).toBe("$1.50");
  expect(figureAt(asked, [null, 2], 0)).toBe("no price");
  expect(unpricedOf({ metrics: asked.metrics.slice(1) }, [2])).toBe(0);
});
