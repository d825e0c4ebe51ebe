/** What an aggregation answers with, as a tile draws it. */

import type { AggregateReport, Tile } from "@/api/types";
import { formatCompact, formatMs } from "@/lib/format";
import { boundedMoney, formatMoney } from "@/lib/money";

type Figure = AggregateReport["groups"][number]["values"][number];
type Unit = AggregateReport["metrics"][number]["unit"];

/** A figure as a number, for charts and sorting; null where there is none. */
export function numberOf(figure: Figure | undefined): number | null {
  if (figure === null || figure === undefined || Array.isArray(figure)) return null;
  const value = typeof figure === "string" ? Number(figure) : figure;
  return Number.isFinite(value) ? value : null;
}

export function formatFigure(figure: Figure | undefined, unit: Unit): string {
  if (Array.isArray(figure)) return figure.map((top) => `${top.value || "–"} (${formatCompact(top.count)})`).join(", ");
  const value = numberOf(figure);
  if (value === null) return "–";
  return formatNumber(value, unit);
}

type Metric = AggregateReport["metrics"][number];
type Asked = Pick<AggregateReport, "metrics">;

const metricAt = (report: Asked, name: string): number => report.metrics.findIndex((metric) => metric.name === name);

/** How many calls of a group have no known price; 0 where the tile does not ask beside their cost. */
export function unpricedOf(report: Asked, values: readonly Figure[]): number {
  return metricAt(report, "cost") < 0 ? 0 : (numberOf(values[metricAt(report, "unpriced")]) ?? 0);
}

/** What stands in a tile by itself: `unpriced` beside `cost` is told with it, as a bound. */
export function shownMetrics(report: Asked): { metric: Metric; i: number }[] {
  const folded = metricAt(report, "cost") < 0 ? -1 : metricAt(report, "unpriced");
  return report.metrics.map((metric, i) => ({ metric, i })).filter(({ i }) => i !== folded);
}

/** A figure of a group in words; a cost that some prices are missing from is a lower bound. */
export function figureAt(report: Asked, values: readonly Figure[], i: number): string {
  const metric = report.metrics[i];
  const cost = numberOf(values[i]);
  if (metric?.name === "cost" && unpricedOf(report, values) > 0)
    return cost === null ? "no price" : boundedMoney(String(cost), 1);
  return formatFigure(values[i], metric?.unit ?? "number");
}

export function formatNumber(value: number, unit: Unit): string {
  if (unit === "usd") return formatMoney(String(value));
  if (unit === "ms") return formatMs(value);
  if (unit === "ratio") return `${(100 * value).toFixed(value !== 0 && Math.abs(value) < 0.1 ? 1 : 0)} %`;
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return formatCompact(value);
  return String(Math.round(value * 1000) / 1000);
}

const WORDS: Record<string, string> = {
  count: "calls",
  error_rate: "error rate",
  unpriced: "without a price",
  cache_read: "cache read",
  cache_write: "cache write",
  ttft: "first token",
};

/** A metric as a person says it: `p95(duration)` is "p95 duration". What it counts depends on what the tile is of. */
export function nameOfMetric(metric: string, of: Tile["of"] = "traces"): string {
  if (metric === "count" && of === "spans") return "spans";
  const [, does, what] = /^(\w[\w.]*)\((\w+)\)$/.exec(metric) ?? [];
  if (does && what) return `${does === "uniq" ? "different" : does} ${WORDS[what] ?? what}`;
  return WORDS[metric] ?? metric;
}

export const nameOfGroup = (group: readonly string[]): string => group.map((value) => value || "not set").join(" · ");

export interface Line {
  label: string;
  values: (number | null)[];
}

const MOST_LINES = 6;
const COUNTED: readonly Unit[] = ["count", "tokens", "usd"];

/**
 * What a tile draws over time: the first metric with a line per group; where nothing is grouped, each metric of the
 * first one's unit. Steps in which nothing happened are not in the answer: they are 0 where things are counted, and a
 * gap where something is measured.
 */
export function lines(report: AggregateReport): { time: number[]; lines: Line[] } {
  const step = report.step_ms;
  if (step <= 0) return { time: [], lines: [] };
  const first = Math.floor(report.window.start / step);
  const end = Math.ceil(report.window.end / step);
  const time = Array.from({ length: Math.max(0, end - first) }, (_, i) => ((first + i) * step) / 1000);
  const unit = report.metrics[0]?.unit ?? "number";
  const empty = COUNTED.includes(unit) ? 0 : null;
  const drawn = report.group_by.length > 0 ? [0] : shownMetrics(report).map(({ i }) => i);
  const alike = drawn.filter((i) => report.metrics[i]?.unit === unit);
  const found: Line[] = [];
  for (const { group } of report.groups.slice(0, MOST_LINES)) {
    const points = report.series.filter((point) => point.group.join("\0") === group.join("\0"));
    for (const i of alike) {
      const label = alike.length > 1 ? nameOfMetric(report.metrics[i]?.name ?? "", report.of) : nameOfGroup(group);
      const values: Line["values"] = time.map(() => empty);
      for (const point of points) {
        const at = Math.floor(point.start / step) - first;
        if (at >= 0 && at < values.length) values[at] = numberOf(point.values[i]);
      }
      found.push({ label, values });
    }
  }
  return { time, lines: found.slice(0, MOST_LINES) };
}

/** Two searches as one. */
export const joined = (a: string, b: string): string => (a && b ? `(${a}) (${b})` : a || b);

export const NEW_TILE: Tile = {
  title: "New tile",
  q: "",
  of: "traces",
  metrics: ["count"],
  group_by: [],
  interval: "auto",
  order: "",
  limit: 5,
  chart: "line",
  x: 0,
  y: 0,
  w: 6,
  h: 4,
};

/** A tile below all the others. */
export function below(tiles: readonly Tile[]): Tile {
  return { ...NEW_TILE, y: Math.max(0, ...tiles.map((tile) => tile.y + tile.h)) };
}

/** Words between commas, without those that are empty; commas within parentheses belong to a word: `top(user,5)`. */
export function words(text: string): string[] {
  return (text.match(/(?:[^,(]|\([^)]*\)?)+/g) ?? []).map((word) => word.trim()).filter(Boolean);
}
