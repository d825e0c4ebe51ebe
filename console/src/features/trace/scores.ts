/** Scores of a trace, told by what they judge. */

import type { ScoreView } from "@/api/types";

/** What detectors found at one span, still valid. */
export function findingsAt(scores: readonly ScoreView[], spanId: string): ScoreView[] {
  return scores.filter((score) => score.source === "detector" && score.valid && score.span_id === spanId);
}

/** Spans with a finding, for marks in the tree. */
export function flagged(scores: readonly ScoreView[]): ReadonlySet<string> {
  return new Set(
    scores.filter((score) => score.source === "detector" && score.valid && score.span_id).map((score) => score.span_id),
  );
}

/** Those of the span first, then of the trace and session, then of other spans; the newest first within each. */
export function ordered(scores: readonly ScoreView[], spanId: string): ScoreView[] {
  const rank = (score: ScoreView) => (score.span_id === spanId ? 0 : score.span_id === "" ? 1 : 2);
  return [...scores].sort((a, b) => rank(a) - rank(b) || b.at - a.at || a.id.localeCompare(b.id));
}

const WORDS: Record<string, string> = {
  empty_answer: "Empty answer",
  truncated: "Cut off",
  refusal: "Refused",
  language_switch: "Another language",
  repeated_answer: "Repeated",
  tool_loop: "Tool loop",
  tool_misuse: "Tool misused",
  invalid_json: "JSON does not parse",
  length_change: "Length changed",
};

export const findingName = (name: string): string => WORDS[name] ?? name;

/** A value as short as it is: 1, 0.5, 0.333. */
export function formatScore(score: Pick<ScoreView, "value" | "label">): string {
  if (score.value === null) return score.label;
  const value = String(Math.round(score.value * 1000) / 1000);
  return score.label ? `${value} (${score.label})` : value;
}
