import { useState } from "react";
import { plural } from "@/lib/format";

/** Rows that are drawn at once of a list that is here as a whole: more take the browser seconds. */
export const AT_ONCE = 50;

/** Those of whom some text has each word, whatever its case. */
export function fitting<T>(rows: readonly T[], q: string, textOf: (row: T) => string): T[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...rows];
  return rows.filter((row) => {
    const text = textOf(row).toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export interface Portion<T> {
  rows: T[];
  /** How many fit that are not drawn yet. */
  left: number;
  more: () => void;
}

/** The first of a list, and what shows more of them; begins anew where something else is looked for. `kept` is drawn
 * wherever it stands: what the address has open. */
export function usePortion<T>(rows: readonly T[], sought: string, kept?: (row: T) => boolean): Portion<T> {
  const [state, setState] = useState({ sought, count: AT_ONCE });
  const count = state.sought === sought ? state.count : AT_ONCE;
  const drawn = rows.slice(0, count);
  const beyond = kept ? rows.slice(count).filter(kept) : [];
  return {
    rows: [...beyond, ...drawn],
    left: rows.length - drawn.length - beyond.length,
    more: () => setState({ sought, count: count + 2 * AT_ONCE }),
  };
}

/** `3 routes fit`, `1 route`, `200 routes`. */
export function told(count: number, q: string, noun: string): string {
  return `${plural(count, noun)}${q ? (count === 1 ? " fits" : " fit") : ""}`;
}
