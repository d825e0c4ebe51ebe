/** Calls, errors and cost of the last day, by app or by what runs of one. */

import type { AggregateReport } from "@/api/types";
import { boundedMoney } from "@/lib/money";

export interface DayFigures {
  calls: number;
  errors: number;
  /** Null where nothing of it has a price; a lower bound where `unpriced` is not 0. */
  cost: string | null;
  unpriced: number;
  p95: number | null;
}

export const METRICS = "count,errors,cost,unpriced,p95(duration)";
export const NOTHING: DayFigures = { calls: 0, errors: 0, cost: null, unpriced: 0, p95: null };

/** By the values of the dimensions, joined by a space: `production r12`. */
export function figuresOf(report: AggregateReport | undefined): Map<string, DayFigures> {
  const found = new Map<string, DayFigures>();
  for (const { group, values } of report?.groups ?? []) {
    const [calls, errors, cost, unpriced, p95] = values;
    found.set(group.join(" "), {
      calls: Number(calls ?? 0),
      errors: Number(errors ?? 0),
      cost: typeof cost === "string" ? cost : null,
      unpriced: Number(unpriced ?? 0),
      p95: typeof p95 === "number" ? p95 : null,
    });
  }
  return found;
}

/** A lower bound is said to be one; no price at all is no zero. */
export function costWords({ calls, cost, unpriced }: DayFigures): string {
  if (calls === 0) return "–";
  return boundedMoney(cost, unpriced);
}
