import type { CostGroup } from "@/api/types";
import { literal, parseQuery, printQuery, printTerm } from "@/search/language";

/** What the search of traces calls a dimension of the books; of the others it has no key that means the same. */
const KEYS: Partial<Record<CostGroup, string>> = {
  model: "model_used",
  asked: "model",
  provider: "provider",
  feature: "feature",
  user: "user",
  session: "session",
  key: "key",
  app: "app",
  release: "release",
  environment: "environment",
  tag: "tag",
};
/** Keys that filter the books and find traces alike. */
const SHARED = new Set(["provider", "feature", "user", "session", "key", "app", "release", "environment", "tag"]);
/** Only calls that a provider was asked for: the others are in no book. */
const IN_THE_BOOKS = "attempts:>0";

/** The search that finds the calls of one group, or null where none says the same. */
export function callsOf(q: string, by: CostGroup, value: string): string | null {
  const terms = parseQuery(q);
  if (value === "" || terms.some((term) => term.kind !== "field" || !SHARED.has(term.key))) return null;
  const own = ownTerm(by, value);
  return own && [...terms.map(printTerm), own, IN_THE_BOOKS].join(" ");
}

function ownTerm(by: CostGroup, value: string): string | null {
  const field = (key: string, text: string) =>
    printQuery([{ kind: "field", key, negated: false, values: [literal(text)] }]);
  if (by === "segment") return `(${field("meta.segment", value)} OR ${field("tag", `segment:${value}`)})`;
  const key = KEYS[by];
  return key ? field(key, value) : null;
}

const DAY_MS = 86_400_000;

/** The window of a group of days: that day (UTC). */
export function dayWindow(day: string): { start: string; end: string } | null {
  const start = Date.parse(`${day}T00:00:00Z`);
  return Number.isFinite(start) ? { start: String(start), end: String(start + DAY_MS) } : null;
}

/** A prompt is named by its application, or known by a digest of its system messages. */
export const isDigest = (prompt: string) => /^[0-9a-f]{12}$/.test(prompt);
