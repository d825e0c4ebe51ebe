/** The time range of a page: a length back from now (`range=24h`), or two fixed moments (`start=`, `end=`, Unix ms). */

import type { Window } from "@/api/types";
import { formatDateTime } from "@/lib/format";

export interface RangeSearch {
  range?: string;
  start?: string;
  end?: string;
}

export interface Preset {
  id: string;
  label: string;
  ms: number;
}

const MINUTE = 60_000;
export const PRESETS: readonly Preset[] = [
  { id: "15m", label: "Last 15 minutes", ms: 15 * MINUTE },
  { id: "1h", label: "Last hour", ms: 60 * MINUTE },
  { id: "6h", label: "Last 6 hours", ms: 360 * MINUTE },
  { id: "24h", label: "Last 24 hours", ms: 1440 * MINUTE },
  { id: "7d", label: "Last 7 days", ms: 7 * 1440 * MINUTE },
  { id: "30d", label: "Last 30 days", ms: 30 * 1440 * MINUTE },
];
export const DEFAULT_RANGE = "24h";

export interface Range {
  /** Empty for a fixed range. */
  preset: string;
  label: string;
  window: Window;
  /** Ends at now, so newer calls may join it. */
  moving: boolean;
}

const UNITS: Record<string, number> = { m: MINUTE, h: 60 * MINUTE, d: 1440 * MINUTE };

function lengthOf(id: string): number | null {
  const match = /^(\d{1,4})([mhd])$/.exec(id);
  const unit = match ? UNITS[match[2] ?? ""] : undefined;
  return match && unit ? Number(match[1]) * unit : null;
}

/** What the address says, at the moment `now`. Nonsense falls back to the default. */
export function resolveRange(search: RangeSearch, now: number): Range {
  const start = Number(search.start);
  const end = Number(search.end);
  if (search.start && search.end && Number.isFinite(start) && Number.isFinite(end) && start < end) {
    const label = `${formatDateTime(start).slice(0, 16)} to ${formatDateTime(end).slice(0, 16)}`;
    return { preset: "", label, window: { start, end }, moving: false };
  }
  const asked = search.range ?? DEFAULT_RANGE;
  const ms = lengthOf(asked);
  const id = ms ? asked : DEFAULT_RANGE;
  const length = ms ?? 1440 * MINUTE;
  const label = PRESETS.find((p) => p.id === id)?.label ?? `Last ${id}`;
  return { preset: id, label, window: { start: now - length, end: now }, moving: true };
}

/** The part of the address that says this range; the default leaves no trace. */
export function presetSearch(id: string): RangeSearch {
  return { range: id === DEFAULT_RANGE ? undefined : id, start: undefined, end: undefined };
}

export function fixedSearch(start: number, end: number): RangeSearch {
  return { range: undefined, start: String(Math.round(start)), end: String(Math.round(end)) };
}

export const rangeOnly = (search: RangeSearch): RangeSearch => ({
  range: search.range,
  start: search.start,
  end: search.end,
});
