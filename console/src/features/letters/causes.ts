/** Letters of one cause as one line: their reasons differ only in what they tell of a single record. */

import type { DeadLetterView } from "@/api/types";

export interface Cause {
  /** Kind and reason without ids, numbers and quoted words; told apart by it, in the address too. */
  id: string;
  kind: string;
  /** The newest letter's own words. */
  reason: string;
  count: number;
  first: number;
  last: number;
}

export function causeOf({ kind, reason }: Pick<DeadLetterView, "kind" | "reason">): string {
  const words = reason
    .replace(/'[^']*'|"[^"]*"|`[^`]*`/g, "…")
    .replace(/\b[0-9a-f]{8,}\b/gi, "…")
    .replace(/\d+/g, "…");
  return `${kind}: ${words}`;
}

/** The most frequent first. */
export function causesOf(letters: readonly DeadLetterView[]): Cause[] {
  const found = new Map<string, Cause>();
  for (const letter of letters) {
    const id = causeOf(letter);
    const cause = found.get(id);
    if (!cause) {
      const { kind, reason, at } = letter;
      found.set(id, { id, kind, reason, count: 1, first: at, last: at });
      continue;
    }
    cause.count += 1;
    cause.first = Math.min(cause.first, letter.at);
    if (letter.at > cause.last) Object.assign(cause, { last: letter.at, reason: letter.reason });
  }
  return [...found.values()].sort((a, b) => b.count - a.count || b.last - a.last);
}

export const wordsOf = (letter: DeadLetterView): string =>
  `${letter.kind} ${letter.reason} ${letter.request_id} ${letter.project} ${letter.segment}`;
