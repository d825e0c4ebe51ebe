/** A capability card as a table: a row per check, a column per front dialect. */

import type { CheckResultView } from "@/api/types";

export type Outcome = CheckResultView["outcome"];

export interface CheckRow {
  check: string;
  /** In the order of `fronts`; undefined where it was not tried there. */
  cells: (CheckResultView | undefined)[];
  results: CheckResultView[];
  failed: boolean;
}

export interface CardTable {
  fronts: string[];
  rows: CheckRow[];
  counts: Record<Outcome, number>;
}

/** Rows and columns stand in the order in which they were tried. */
export function tableOf(results: CheckResultView[]): CardTable {
  const fronts = [...new Set(results.map((result) => result.front))];
  const counts: Record<Outcome, number> = { pass: 0, fail: 0, not_supported: 0, could_not_tell: 0 };
  const rows = new Map<string, CheckRow>();
  for (const result of results) {
    counts[result.outcome] += 1;
    const row = rows.get(result.check) ?? { check: result.check, cells: [], results: [], failed: false };
    row.results.push(result);
    row.failed ||= result.outcome === "fail";
    rows.set(result.check, row);
  }
  for (const row of rows.values()) {
    row.cells = fronts.map((front) => row.results.find((result) => result.front === front));
  }
  return { fronts, rows: [...rows.values()], counts };
}

const NONE = "none";

/** Which checks show their evidence: those of the address, or, where it says nothing, those that failed. */
export function openOf(open: string | undefined, rows: CheckRow[]): Set<string> {
  if (open === undefined) return new Set(rows.filter((row) => row.failed).map((row) => row.check));
  return new Set(open.split(",").filter((check) => check !== NONE));
}

export function toggled(open: Set<string>, check: string): string {
  const next = open.has(check) ? [...open].filter((each) => each !== check) : [...open, check];
  return next.length === 0 ? NONE : next.join(",");
}

const DEFAULT_ORIGIN = "http://127.0.0.1:4600";

/** What makes the card, as it is typed in a shell. What is as by default is left out. */
export function commandOf(project: string, model: string, origin: string): string {
  const name = /^[\w./:@-]+$/.test(model) ? model : `'${model.replaceAll("'", "'\\''")}'`;
  return [
    `trimtab conformance --model ${name} --save`,
    project !== "default" && `--project ${project}`,
    origin !== DEFAULT_ORIGIN && `--url ${origin}`,
  ]
    .filter(Boolean)
    .join(" ");
}
