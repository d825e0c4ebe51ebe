/** An app's knowledge as rows to fill in. Pure. */

import type { components } from "@/api/schema";

type S = components["schemas"];
/** A corpus by its name, or with settings; what has a default may be left out. */
export type Knowledge = string | (Partial<S["Knowledge"]> & { corpus: string });
export type PinnedKnowledge = Partial<S["PinnedKnowledge"]> & { corpus: string };

/** `frozen`: the version that is newest when a release is made, or the one that is named; else it follows. */
export interface KnowledgeRow {
  corpus: string;
  when: "frozen" | "follow";
  version: string;
  top: string;
  tokens: string;
  least: string;
  mode: S["PinnedKnowledge"]["mode"];
  without: boolean;
  query: string;
  timeoutMs: string;
}

export const USUAL = { top: 4, tokens: 2000, mode: "hybrid", timeout_ms: 10_000 } as const;

export function rowOf(given: Knowledge): KnowledgeRow {
  const use = typeof given === "string" ? { corpus: given } : given;
  return {
    corpus: use.corpus,
    when: use.follow ? "follow" : "frozen",
    version: use.version ? String(use.version) : "",
    top: String(use.top ?? USUAL.top),
    tokens: String(use.tokens ?? USUAL.tokens),
    least: use.least === undefined || use.least === null ? "" : String(use.least),
    mode: use.mode ?? USUAL.mode,
    without: use.on_failure === "answer_without",
    query: use.query ?? "",
    timeoutMs: String(use.timeout_ms ?? USUAL.timeout_ms),
  };
}

export const rowsOf = (given: readonly Knowledge[] | undefined): KnowledgeRow[] => (given ?? []).map(rowOf);

/** What the rows say: a name alone where nothing else is said; or what cannot be read. */
export function knowledgeOf(rows: readonly KnowledgeRow[]): { knowledge: Knowledge[]; error: string } {
  const named = rows.filter((row) => row.corpus.trim() !== "");
  const names = named.map((row) => row.corpus.trim());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice) return { knowledge: [], error: `${twice} stands twice.` };
  const knowledge: Knowledge[] = [];
  for (const row of named) {
    const made: Exclude<Knowledge, string> = { corpus: row.corpus.trim() };
    for (const [text, name, usual, decimal] of [
      [row.top, "top", USUAL.top, false],
      [row.tokens, "tokens", USUAL.tokens, false],
      [row.timeoutMs, "timeout_ms", USUAL.timeout_ms, false],
      [row.when === "follow" ? "" : row.version, "version", 0, false],
      [row.least, "least", Number.NaN, true],
    ] as const) {
      if (text.trim() === "") continue;
      const value = Number(text);
      if (!Number.isFinite(value) || value < 0 || (!decimal && !Number.isInteger(value))) {
        return { knowledge: [], error: `${made.corpus}: “${text}” is no number that ${name} can have.` };
      }
      if (value !== usual) made[name] = value;
    }
    if (row.when === "follow") made.follow = true;
    if (row.mode !== USUAL.mode) made.mode = row.mode;
    if (row.without) made.on_failure = "answer_without";
    if (row.query.trim()) made.query = row.query.trim();
    knowledge.push(Object.keys(made).length === 1 ? made.corpus : made);
  }
  return { knowledge, error: "" };
}
