/** What the cache did for a call, in words. */

import type { LimitView, TraceDetail } from "@/api/types";
import { formatDateTime, formatMs, formatPercent, plural } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { amount } from "../limits/amounts";

export type KnowledgeLine = NonNullable<TraceDetail["knowledge"]>[number];

/** `3 of 4 passages of handbook, version 2`. */
export function knowledgeWords(line: KnowledgeLine): string {
  const where = line.version > 0 ? `${line.corpus}, version ${line.version}` : line.corpus;
  if (line.failed) return `${where} could not be searched`;
  if (line.found === 0) return `Nothing was found in ${where}`;
  if (line.used === line.found) return `Given ${plural(line.used, "passage")} of ${where}`;
  return `Given ${line.used} of ${plural(line.found, "passage")} of ${where}`;
}

type CacheLine = NonNullable<TraceDetail["cache"]>;

export interface CacheWords {
  title: string;
  detail: string;
}

const TITLES: Record<string, string> = {
  hit: "Answered from the cache",
  miss: "Not in the cache, so a provider was asked",
  refresh: "Asked anew, as the call wanted it, and kept",
  bypass: "Passed by the cache",
  replay: "The answer to an earlier call with the same idempotency key",
};
const BYPASSES: Record<string, string> = {
  asked: "as the call asked",
  size: "the request is too long to be kept",
  temperature: "its temperature asks for another answer each time",
  embedder: "compared with nothing: the embedder was away",
};

export function cacheWords(cache: CacheLine): CacheWords {
  const given = cache.outcome === "hit" || cache.outcome === "replay";
  const detail = [
    cache.mode && (given && cache.mode === "semantic" ? "found by meaning" : `${cache.mode} cache`),
    cache.similarity !== null && `similarity ${cache.similarity.toFixed(3)}`,
    given && `first answered ${cache.age_s === 0 ? "less than a second" : formatMs(1000 * cache.age_s)} before`,
    cache.saved !== null && `${formatMoney(cache.saved)} not paid again`,
    given && cache.saved === null && "what it saved is not known",
    cache.reason && (BYPASSES[cache.reason] ?? cache.reason.replaceAll("_", " ")),
  ];
  return {
    title: TITLES[cache.outcome] ?? cache.outcome.replaceAll("_", " "),
    detail: detail.filter(Boolean).join(", "),
  };
}

/** `-37 %`: how much shorter the conversation became. */
export function shorterBy(before: number, after: number): string {
  return before > after ? `−${formatPercent(before - after, before)}` : "not shorter";
}

/** What a limit that said no was asked for, of how much, and when there was room again. */
export function refusalWords(line: TraceDetail["limits"][number]): string {
  const measure = line.measure as LimitView["measure"];
  const words = [
    line.asked && `up to ${amount(measure, line.asked)} asked`,
    line.bound && `the bound is ${amount(measure, line.bound)}`,
    line.resets && `room again at ${formatDateTime(line.resets)}`,
  ];
  return `Refused: ${words.filter(Boolean).join(", ")}`;
}

/** `support@3` as a name and a version; what was never stored has none. */
export function promptOf(reference: string): { name: string; version: string } {
  const [name = "", version = ""] = reference.split("@");
  return { name, version };
}
