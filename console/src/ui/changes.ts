/** What an entry of the audit log says was changed, field by field. Pure. */

import { type Difference, differences } from "./conflict";

export const MOST_FIELDS = 12;
const LONGEST = 300;

/** `limit.changed` is `changed`, `guard_refusal.set` is `set`. */
export const deedOf = (action: string): string => action.slice(action.indexOf(".") + 1).replaceAll("_", " ");

/** Between what a thing was and what it is; nothing where it was made or removed, or is too long to be told. */
export function changesOf(from: unknown, to: unknown): Difference[] {
  if (!isThing(from) || !isThing(to)) return [];
  return differences(from, from, to).map(({ field, was, is }) => ({ field, was: short(was), is: short(is) }));
}

/** Of what is too long the log keeps a hash. */
const isThing = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !("sha256" in value && "bytes" in value);

const short = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
