import type { SpanRow, TracePage } from "@/api/types";

/** Pages of older rows and the newest ones as one list, newest first, each trace once; the newer copy of a row wins. */
export function mergeRows(newest: readonly SpanRow[], pages: readonly TracePage[]): SpanRow[] {
  const seen = new Set<string>();
  const rows: SpanRow[] = [];
  const take = (row: SpanRow) => {
    if (seen.has(row.trace_id)) return;
    seen.add(row.trace_id);
    rows.push(row);
  };
  newest.forEach(take);
  for (const page of pages) page.rows.forEach(take);
  if (newest.length > 0) rows.sort((a, b) => b.started - a.started || (a.trace_id < b.trace_id ? 1 : -1));
  return rows;
}

/** More arrived between two looks than one page holds: what lies between is not known, so the list must be read anew. */
export function hasGap(newest: TracePage | undefined, pages: readonly TracePage[]): boolean {
  const oldest = newest?.rows.at(-1);
  const first = pages[0]?.rows[0];
  if (!newest?.cursor || !oldest || !first) return false;
  return oldest.started > first.started;
}

/** A list that stands still while somebody reads it: the rows that it had, in their newest copies, and below them the
 * older pages that were asked for since. */
export function standing(kept: readonly SpanRow[], now: readonly SpanRow[], pages: readonly TracePage[]): SpanRow[] {
  const known = new Set(kept.map((row) => row.trace_id));
  const copies = new Map(now.map((row) => [row.trace_id, row]));
  const older = mergeRows([], pages).filter((row) => !known.has(row.trace_id));
  return [...kept.map((row) => copies.get(row.trace_id) ?? row), ...older];
}
