/** What a suite asks for, in words. */

import type { SuiteScorer, SuiteSpec } from "@/api/evaluationTypes";

export const ruleWords = (spec: SuiteSpec): string => {
  const rule = spec.rule === "better" ? "better" : "not worse";
  return spec.against ? `${rule} than ${spec.against}` : rule;
};

/** "at least 0.9, up to 0.05 worse counts as not worse". */
export function boundWords(scorer: SuiteScorer): string {
  const parts: string[] = [];
  if (scorer.at_least != null) parts.push(`at least ${scorer.at_least}`);
  if (scorer.at_most != null) parts.push(`at most ${scorer.at_most}`);
  if (scorer.margin != null)
    parts.push(`up to ${scorer.margin}${scorer.relative ? " of B" : ""} worse counts as not worse`);
  return parts.join(", ") || "no bound, no margin";
}
