/** What an experiment found, in words and in the unit it is in. Differences are A minus B. */

import type { CaseDelta, Estimate, MetricReport, Outcome, Unit } from "@/api/evaluationTypes";
import { percent, range } from "@/features/rollouts/words";
import { formatInt, formatMs, plural } from "@/lib/format";
import { formatMoney, printUsd } from "@/lib/money";

const NAMES: Record<string, string> = { latency: "Duration", cost: "Cost of an answer", latency_ms: "Duration" };

export function metricTitle(name: string): string {
  const known = NAMES[name];
  if (known) return known;
  const bare = name.replace(/^judge:/, "").replaceAll("_", " ");
  return bare.charAt(0).toUpperCase() + bare.slice(1);
}

export function figure(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined) return "–";
  if (unit === "share") return percent(value);
  if (unit === "ms") return formatMs(value);
  if (unit === "picodollars") return formatMoney(printUsd(BigInt(Math.round(value))));
  return Number.isInteger(value) && Math.abs(value) < 1e6 ? formatInt(value) : value.toPrecision(3);
}

/** With its sign: in points for shares, in the metric's unit else, as a share of B's where it is relative. */
export function signed(value: number | null | undefined, metric: Pick<MetricReport, "unit" | "relative">): string {
  if (value === null || value === undefined) return "–";
  const sign = value > 0 ? "+" : value < 0 ? "−" : "±";
  if (metric.relative) return `${sign}${percent(Math.abs(value), 2)}`;
  if (metric.unit === "share") return `${sign}${percent(Math.abs(value), 2).replace(" %", " points")}`;
  return `${sign}${figure(Math.abs(value), metric.unit)}`;
}

export function ends(estimate: Estimate, unit: Unit): string {
  const { value, low, high } = estimate;
  if (value === null) return "";
  return low === null && high === null ? "no interval" : range(low, high, (each) => figure(each, unit));
}

/** What is not in a value, and what that could have done to it; empty where all was scored. */
export function missingWords(estimate: Estimate, unit: Unit): string {
  const parts: string[] = [];
  if (estimate.unscored) parts.push(`${formatInt(estimate.unscored)} could not be scored`);
  if (estimate.errors) parts.push(`${formatInt(estimate.errors)} had no answer`);
  if (parts.length === 0) return "";
  const { worst, best } = estimate;
  const bounds =
    typeof worst === "number" && typeof best === "number"
      ? `; had all of them been bad, or good: ${figure(worst, unit)} to ${figure(best, unit)}`
      : "";
  return `${parts.join(", ")}${bounds}`;
}

/** What subjects are called where there is little room: releases of one app by their numbers alone. */
export function shortNames(subjects: readonly string[]): string[] {
  const releases = subjects.map((each) => /^(.+)@(r\d+)$/.exec(each));
  const [first] = releases;
  const short =
    releases.length > 1 && releases.every((each) => each?.[1] === first?.[1] && each)
      ? releases.map((each) => each?.[2] ?? "")
      : [...subjects];
  return new Set(short).size === short.length ? short : short.map((each, i) => `${each} (${"AB"[i]})`);
}

export const estimateWords = (estimate: Estimate, unit: Unit): string =>
  estimate.value === null
    ? "nothing could be scored"
    : `${figure(estimate.value, unit)}, ${ends(estimate, unit)}, n ${formatInt(estimate.n)}`;

export const BOUNDS: Record<NonNullable<MetricReport["bound"]>, string> = {
  met: "bound met",
  missed: "bound missed",
  not_enough_data: "not enough data for the bound",
};

export const OUTCOMES: Record<Outcome, string> = {
  better: "Better",
  not_worse: "Not worse",
  worse: "Worse",
  not_enough_data: "Not enough data",
};

/** How bad a difference is: greater is worse. Where no direction is better, the larger change comes first. */
export function badness(delta: number | null, better: MetricReport["better"]): number | null {
  if (delta === null) return null;
  if (better === "higher") return -delta;
  return better === "lower" ? delta : Math.abs(delta);
}

/** The cases of one metric, worst first; those that could not be compared last. */
export function byWorst(deltas: readonly CaseDelta[], metric: Pick<MetricReport, "name" | "better">): CaseDelta[] {
  return deltas
    .filter((each) => each.metric === metric.name)
    .sort((one, other) => {
      const [a, b] = [badness(one.delta, metric.better), badness(other.delta, metric.better)];
      if (a === null || b === null) return a === b ? one.case_id.localeCompare(other.case_id) : a === null ? 1 : -1;
      return b - a || one.case_id.localeCompare(other.case_id);
    });
}

export interface Tally {
  worse: number;
  same: number;
  better: number;
  unknown: number;
}

/** How many cases went which way. */
export function tally(deltas: readonly CaseDelta[], better: MetricReport["better"]): Tally {
  const out: Tally = { worse: 0, same: 0, better: 0, unknown: 0 };
  for (const { delta } of deltas) {
    const bad = better === null && delta !== null && delta !== 0 ? null : badness(delta, better);
    if (bad === null) out.unknown++;
    else if (bad > 0) out.worse++;
    else if (bad < 0) out.better++;
    else out.same++;
  }
  return out;
}

export function tallyWords(counted: Tally): string {
  const parts = [`${formatInt(counted.worse)} got worse`, `${formatInt(counted.better)} got better`];
  if (counted.same) parts.push(`${formatInt(counted.same)} stayed`);
  if (counted.unknown) parts.push(`${plural(counted.unknown, "case")} cannot be compared`);
  return parts.join(", ");
}

/** A p value is never told as zero. */
export function pWords(p: number | null | undefined): string {
  if (p === null || p === undefined) return "";
  return p < 0.0001 ? "p < 0.0001" : `p ${p.toPrecision(2)}`;
}
