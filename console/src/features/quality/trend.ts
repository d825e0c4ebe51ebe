/** Scores over time: their names, how they are told, and where days stand. */

import type { QualityLine } from "@/api/qualityTypes";
import type { Completion } from "@/api/types";

/** Names of scores that there are, as the search completes them. */
export function namesOf(completion: Completion | undefined): string[] {
  const texts = (completion?.items ?? []).map((item) => item.text);
  const names = texts.filter((text) => text.startsWith("score.")).map((text) => text.slice("score.".length));
  return names.map((name) => name.replace(/:$/, "").replace(/^"(.*)"$/, "$1")).filter(Boolean);
}

export const nameOf = (line: Pick<QualityLine, "app" | "release">): string =>
  [line.app, line.release].filter(Boolean).join("@") || "no app";

export const print = (value: number | null): string => (value === null ? "–" : String(Number(value.toPrecision(3))));

export interface Row {
  name: string;
  days: QualityLine[];
}

/** The days of each release, in order of when it first was seen. */
export function rowsOf(days: readonly QualityLine[]): Row[] {
  const rows = new Map<string, QualityLine[]>();
  for (const line of days) {
    const name = nameOf(line);
    rows.set(name, [...(rows.get(name) ?? []), line]);
  }
  return [...rows].map(([name, lines]) => ({ name, days: lines.sort((a, b) => (a.day ?? 0) - (b.day ?? 0)) }));
}
