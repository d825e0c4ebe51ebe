/** What to offer while a word is being typed. */

import type { Completion, Facet } from "@/api/types";
import { formatInt } from "@/lib/format";
import { SEARCH_KEYS } from "./keys";
import { literal, printTerm } from "./language";

export interface Suggestion {
  label: string;
  hint: string;
  /** What the typed word becomes. */
  text: string;
  /** The term is whole: commit it. Otherwise typing goes on. */
  done: boolean;
}

const LIMIT = 12;

/** `word` is the unfinished end of the input: `mod`, `-status:`, `model:gp`. */
export function suggest(word: string, facets: readonly Facet[]): Suggestion[] {
  const negated = word.startsWith("-");
  const bare = negated ? word.slice(1) : word;
  const sign = negated ? "-" : "";
  const colon = bare.indexOf(":");
  if (colon < 0) return suggestKeys(bare, sign);
  return suggestValues(bare.slice(0, colon), bare.slice(colon + 1), negated, facets);
}

/** `meta.` goes on with a name before its colon. */
const colon = (key: string) => (key.endsWith(".") ? "" : ":");

function suggestKeys(typed: string, sign: string): Suggestion[] {
  const low = typed.toLowerCase();
  return SEARCH_KEYS.filter((k) => k.key.startsWith(low) || (low.length > 2 && k.what.includes(low)))
    .slice(0, LIMIT)
    .map((k) => ({
      label: sign + k.key + colon(k.key),
      hint: k.numeric ? `${k.what}, with > or <` : k.what,
      text: sign + k.key + colon(k.key),
      done: false,
    }));
}

function suggestValues(key: string, typed: string, negated: boolean, facets: readonly Facet[]): Suggestion[] {
  const known = SEARCH_KEYS.find((k) => k.key === key);
  const low = typed.replace(/^[("]+/, "").toLowerCase();
  const counted = facets.find((f) => f.key === key)?.values ?? [];
  const values = counted.map((v) => ({ value: v.value, hint: formatInt(v.count) }));
  for (const value of known?.values ?? []) {
    if (!values.some((v) => v.value === value)) values.push({ value, hint: "" });
  }
  return values
    .filter((v) => v.value !== "" && v.value.toLowerCase().includes(low))
    .slice(0, LIMIT)
    .map((v) => ({
      label: v.value,
      hint: v.hint,
      text: printTerm({ kind: "field", key, negated, values: [literal(v.value)] }),
      done: true,
    }));
}

/**
 * The server's completion of `asked`, of which `typed` is the end that is in the input, as what becomes of the word
 * after `before`.
 */
export function suggestionsOf(completion: Completion, asked: string, typed: string, before: string): Suggestion[] {
  const from = completion.start - (asked.length - typed.length);
  const to = completion.end - (asked.length - typed.length);
  if (from < before.length) return [];
  return completion.items.slice(0, LIMIT).map((item) => ({
    label: item.label,
    hint: item.count === null ? item.about : formatInt(item.count),
    text: typed.slice(before.length, from) + item.text + typed.slice(to),
    done: item.done,
  }));
}

/** Whether the server knows more than what the page has: names and values, not keys. */
export const asksServer = (word: string): boolean => /^-?(meta\.|metadata\.|score\.|[A-Za-z_]+:)/.test(word);

/** Splits what is in the input into finished text and the word being typed (quotes and groups hold words together). */
export function splitLastWord(text: string): [string, string] {
  let quoted = false;
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === "\\" && quoted) i++;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && c === "(") depth++;
    else if (!quoted && c === ")") depth = Math.max(0, depth - 1);
    else if (!quoted && depth === 0 && /\s/.test(c)) from = i + 1;
  }
  return [text.slice(0, from), text.slice(from)];
}
