/** The rules of a project while they are edited: days as typed, or empty for ever. */

import type { RetentionRule } from "@/api/types";

export type Kind = RetentionRule["kind"];
export type Draft = Record<Kind, string>;

export const KINDS: { kind: Kind; label: string; what: string }[] = [
  { kind: "content", label: "Content", what: "messages, raw attributes and other long texts, with their blobs" },
  { kind: "spans", label: "Spans", what: "everything else of a span, tool calls too; its texts go with it" },
  { kind: "scores", label: "Scores", what: "judgements of spans, traces and sessions" },
  { kind: "ledger", label: "Ledger", what: "the books: one row per attempt, without content" },
];

export function draftOf(rules: readonly RetentionRule[]): Draft {
  const days = (kind: Kind) => rules.find((rule) => rule.kind === kind)?.days;
  return Object.fromEntries(KINDS.map(({ kind }) => [kind, days(kind)?.toString() ?? ""])) as Draft;
}

/** What is wrong, by kind; empty when it may be sent. */
export function check(draft: Draft): Partial<Draft> {
  const wrong: Partial<Draft> = {};
  for (const { kind } of KINDS) {
    const text = draft[kind].trim();
    if (text !== "" && !(/^[1-9]\d{0,4}$/.test(text) && Number(text) <= 36_500)) {
      wrong[kind] = "Whole days, 1 to 36,500; empty: for ever.";
    }
  }
  return wrong;
}

/** The rules to be set, whole. What the config file says is not ours to send. */
export function bodyOf(draft: Draft, rules: readonly RetentionRule[]): Record<string, number | "keep"> {
  const ours = KINDS.filter(({ kind }) => rules.find((rule) => rule.kind === kind)?.source !== "config");
  return Object.fromEntries(
    ours.map(({ kind }) => [kind, draft[kind].trim() === "" ? ("keep" as const) : Number(draft[kind])]),
  );
}

/** The same for a preview. */
export const askedOf = (draft: Draft): Record<Kind, string> =>
  Object.fromEntries(KINDS.map(({ kind }) => [kind, draft[kind].trim() || "keep"])) as Record<Kind, string>;
