/** Reading traces again, as far as it can be told without asking: what was begun, how far it came, what it changed. */

import type { ComesToView, MappingView, Remapped } from "@/api/types";
import { formatInt } from "@/lib/format";

export const DAYS: Record<string, number> = { "7": 7, "30": 30, "90": 90, all: 36_500 };
const DAY_MS = 86_400_000;
/** What was noted is in the spool for a moment before it is counted as waiting. */
const ON_ITS_WAY_MS = 60_000;

/** One going over a span of time. `cursor` is where the next page of traces begins, null when all are noted. */
export interface Rereading {
  start: number;
  end: number;
  /** Of how many traces an older mapper had read when it began, and what they came to then. */
  stale: number;
  before: ComesToView;
  noted: number;
  cursor: string | null;
  allNoted: boolean;
  /** When (Unix ms) the last page was noted. */
  at: number;
  seenWaiting: boolean;
}

export function windowOf(days: string | undefined, now: number): { start: number; end: number } {
  const wanted = DAYS[days ?? ""] ?? 30;
  return { start: Math.max(0, now - wanted * DAY_MS), end: now };
}

export function begun(now: MappingView): Rereading {
  const { start, end, stale, comes_to: before } = now;
  return { start, end, stale, before, noted: 0, cursor: null, allNoted: false, at: 0, seenWaiting: false };
}

export function afterPage(going: Rereading, page: Remapped, now: number): Rereading {
  return {
    ...going,
    noted: going.noted + page.traces,
    cursor: page.cursor,
    allNoted: page.cursor === null,
    at: now,
  };
}

export type Stage = "noting" | "making" | "done" | "stopped";

/** `stopped`: nothing waits any more, and some traces are as they were. */
export function stageOf(going: Rereading, mapping: MappingView | undefined, now: number): Stage {
  if (!going.allNoted) return "noting";
  if (mapping === undefined || (mapping.waiting ?? 0) > 0) return "making";
  if (mapping.stale === 0) return "done";
  if (mapping.waiting === null) return "making";
  return going.seenWaiting || now - going.at > ON_ITS_WAY_MS ? "stopped" : "making";
}

/** Versions are stored as one number: what all conventions share, times 1000, and the convention's own. */
export function versionName(version: number): string {
  return `${Math.floor(version / 1000)}.${version % 1000}`;
}

export interface Changed {
  what: string;
  before: string;
  after: string;
}

/** What is not as it was. */
export function changesOf(before: ComesToView, after: ComesToView, money: (dollars: string) => string): Changed[] {
  const rows: [string, string, string][] = [
    ["spans", formatInt(before.spans), formatInt(after.spans)],
    ["calls of models", formatInt(before.calls), formatInt(after.calls)],
    ["spans of no known kind", formatInt(before.unknown), formatInt(after.unknown)],
    ["spans with an error", formatInt(before.errors), formatInt(after.errors)],
    ["tokens", formatInt(before.tokens), formatInt(after.tokens)],
    ["cost", money(before.cost), money(after.cost)],
    ["calls without a price", formatInt(before.unpriced), formatInt(after.unpriced)],
  ];
  return rows.flatMap(([what, was, is]) => (was === is ? [] : [{ what, before: was, after: is }]));
}

const keyOf = (project: string) => `trimtab.rereading.${project}`;

/** What goes on in this tab; it survives a reload. */
export function kept(project: string, store: Pick<Storage, "getItem"> = sessionStorage): Rereading | null {
  const text = store.getItem(keyOf(project));
  if (text === null) return null;
  try {
    return JSON.parse(text) as Rereading;
  } catch {
    return null;
  }
}

export function keep(
  project: string,
  going: Rereading | null,
  store: Pick<Storage, "setItem" | "removeItem"> = sessionStorage,
): void {
  if (going === null) store.removeItem(keyOf(project));
  else store.setItem(keyOf(project), JSON.stringify(going));
}
