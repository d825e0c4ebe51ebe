/** Scores over time: their names, how they are told, and where days stand. */

import type { QualityLine } from "@/api/qualityTypes";

type Source = QualityLine["source"];

/** Who judged, in the order of how far that is believed. */
const SOURCES: readonly { source: Source; title: string }[] = [
  { source: "human", title: "As people judged" },
  { source: "user", title: "As users said" },
  { source: "llm", title: "As judges judged" },
  { source: "code", title: "As code measured" },
];

/** A report per source: a mean over people and judges together would be neither's. */
export function bySource<R extends { releases: QualityLine[]; days: QualityLine[] }>(report: R) {
  return SOURCES.map(({ source, title }) => ({
    source,
    title,
    releases: report.releases.filter((line) => line.source === source),
    days: report.days.filter((line) => line.source === source),
  })).filter((part) => part.releases.length > 0);
}

export const nameOf = (line: Pick<QualityLine, "app" | "release">): string =>
  [line.app, line.release].filter(Boolean).join("@") || "no app";

/** Three figures; what a sum of fractions leaves beside nought is nought. */
export const print = (value: number | null): string =>
  value === null ? "–" : String(Math.abs(value) < 1e-12 ? 0 : Number(value.toPrecision(3)));

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
