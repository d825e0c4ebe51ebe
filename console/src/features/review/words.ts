/** What sends answers to people, in words. */

import type { RuleKind, SendRule } from "@/api/reviewTypes";
import { percent } from "@/features/rollouts/words";

export const RULES: { value: RuleKind; label: string; about: string }[] = [
  { value: "complaint", label: "Users complained", about: "Feedback of a user at most so good." },
  { value: "score", label: "A score is low or high", about: "Of a judge, a scorer or code." },
  { value: "disputed", label: "Two scores differ", about: "Two who judged the same do not agree." },
  { value: "guard", label: "A guard flagged it", about: "A verdict of a guard at most so good." },
  { value: "search", label: "A search finds it", about: "As in the list of traces." },
  { value: "random", label: "A random share", about: "Without it nobody learns what the other rules miss." },
];

export function ruleWords(rule: SendRule): string {
  const share = rule.share !== undefined && rule.share < 1 ? `${percent(rule.share)} of ` : "";
  const only = rule.q ? ` (${rule.q})` : "";
  switch (rule.kind) {
    case "random":
      return `${percent(rule.share ?? 1)} at random${only}`;
    case "score": {
      const bounds = [
        rule.at_most != null ? `at most ${rule.at_most}` : "",
        rule.at_least != null ? `at least ${rule.at_least}` : "",
      ].filter(Boolean);
      return `${share}${rule.score || "a score"} ${bounds.join(" or ")}${only}`;
    }
    case "disputed":
      return `${share}${rule.score || "scores"} that differ by ${rule.spread ?? 0.5} or more${only}`;
    case "complaint":
      return `${share}complaints${rule.at_most != null ? ` at most ${rule.at_most}` : ""}${only}`;
    case "guard":
      return `${share}what a guard flagged${only}`;
    default:
      return `${share}${rule.q || "all"}`;
  }
}
