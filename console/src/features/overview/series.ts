import type { Overview } from "@/api/types";

export interface Columns {
  /** Unix seconds, as uPlot counts. */
  time: number[];
  calls: number[];
  errors: number[];
  tokens: number[];
  cost: number[];
  p50: (number | null)[];
  p95: (number | null)[];
}

const LIMIT = 2000;

/** Buckets as columns, with every empty step filled in: a pause must look like a pause, not like a slope. */
export function toColumns(overview: Overview): Columns {
  const { window, step_ms: step } = overview;
  const out: Columns = { time: [], calls: [], errors: [], tokens: [], cost: [], p50: [], p95: [] };
  const byStart = new Map(overview.series.map((bucket) => [bucket.start, bucket]));
  const first = overview.series[0]?.start ?? window.start;
  let start = first - Math.floor((first - window.start) / step) * step;
  for (let i = 0; start < window.end && i < LIMIT; i++, start += step) {
    const bucket = byStart.get(start);
    out.time.push(start / 1000);
    out.calls.push(bucket?.calls ?? 0);
    out.errors.push(bucket?.errors ?? 0);
    out.tokens.push(bucket?.tokens ?? 0);
    out.cost.push(bucket ? Number(bucket.cost) : 0);
    out.p50.push(bucket?.p50 ?? null);
    out.p95.push(bucket?.p95 ?? null);
  }
  return out;
}
