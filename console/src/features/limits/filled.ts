import type { CostGroup, LimitEventView, LimitView } from "@/api/types";
import { literal, printQuery } from "@/search/language";
import type { Dimension } from "./limitForm";

type Standing = LimitView["standings"][number];
interface CostsSearch {
  q?: string;
  by?: string;
  sort?: string;
  start: string;
  end: string;
}

/** A scope's value may end in a star; what was counted is a text as it stands. */
const raw = (text: string) => (text.includes("*") ? { text, quoted: false } : literal(text));
/** A star beside what has to be quoted: within quotes it is a star and no pattern. */
const isBeyondWords = (text: string) => text.includes("*") && literal(`x${text.replaceAll("*", "")}`).quoted;
const field = (key: string, values: string[]) =>
  printQuery([{ kind: "field", key, negated: false, values: values.map(raw) }]);

/** The books call an app, a route or a model by what the client called; they know apps by name as well. */
function term(dimension: Dimension, values: string[]): string {
  return dimension === "app" ? `(${field("app", values)} OR ${field("asked", values)})` : field(dimension, values);
}

const BY: Record<LimitView["measure"], string> = {
  money: "-cost",
  tokens: "-tokens",
  requests: "-calls",
  concurrency: "-calls",
};
/** Who could have filled it, the most telling first. */
const WHO: CostGroup[] = ["user", "feature", "key", "model"];

/** The costs explorer at what a count was filled with, told apart by what the rule itself does not fix. Null where a
 * count is of a moment, of calls that name nothing, or of a scope that the search has no words for. */
export function filledBy(limit: LimitView, standing: Standing, now: number): CostsSearch | null {
  if (limit.measure === "concurrency" || Object.values(standing.values).includes("")) return null;
  const scope = Object.entries(limit.scope).filter(([, values]) => values && values.length > 0) as [
    Dimension,
    string[],
  ][];
  if (scope.some(([, values]) => values.some(isBeyondWords))) return null;
  /** A key that took another's place counts as that one, and the books know it by itself. */
  const counted = (name: string, values: string[]) =>
    name === "key" && standing.keys.length > 0 ? standing.keys : values;
  const own = Object.entries(standing.values).map(([name, value]) => [name, [value]] as [Dimension, string[]]);
  const fixed = new Set<string>([...own, ...scope.filter(([, values]) => values.length === 1)].map(([name]) => name));
  const by = WHO.find((each) => !fixed.has(each));
  return {
    q:
      [...scope.filter(([name]) => !(name in standing.values)), ...own]
        .map(([n, v]) => term(n, counted(n, v)))
        .join(" ") || undefined,
    by: by === "model" ? undefined : by,
    sort: BY[limit.measure] === "-cost" ? undefined : BY[limit.measure],
    start: String(standing.started),
    end: String(now),
  };
}

interface TracesSearch {
  q: string;
  start: string;
  end: string;
}

type Code = "limit_reached" | "larger_than_limit";
const REFUSES: Partial<Record<LimitEventView["kind"], Code>> = {
  exhausted: "limit_reached",
  larger: "larger_than_limit",
};

/** The calls that a limit refused since an event told of it; null where none were. */
export function refusedBy(event: LimitEventView, now: number): TracesSearch | null {
  const code = REFUSES[event.kind];
  return code ? refusedSince(undefined, event.values, event.at, now, code) : null;
}

/** The calls that a limit refused of one of its counts. What its scope has no words for is not narrowed by. */
export function refusedSince(
  limit: LimitView | undefined,
  values: Standing["values"],
  since: number,
  now: number,
  code: Code = "limit_reached",
): TracesSearch {
  const own = Object.entries(values).filter(([, value]) => value !== "") as [string, string][];
  const scope = Object.entries(limit?.scope ?? {}).filter(
    ([name, each]) => each && each.length > 0 && !each.some(isBeyondWords) && !(name in values),
  ) as [string, string[]][];
  const narrowed = [...scope, ...own.map(([name, value]) => [name, [value]] as [string, string[]])]
    .filter(([name]) => name !== "app")
    .map(([name, each]) => field(name, each));
  return { q: [`error:${code}`, ...narrowed].join(" "), start: String(since - 1000), end: String(now) };
}

/** Whether calls of this count meet its bound, and since when somebody did. Money is refused before it is all gone:
 * what a call may cost at most has to fit. */
export function isSpent(
  limit: LimitView,
  standing: Standing,
  events: readonly LimitEventView[],
): { since: number | null } | null {
  if (limit.measure === "concurrency") return null;
  const told = events.filter(
    (event) =>
      event.limit === limit.name &&
      event.kind === "exhausted" &&
      event.at >= standing.started &&
      Number(event.bound) >= Number(limit.bound) &&
      JSON.stringify(Object.entries(event.values).sort()) === JSON.stringify(Object.entries(standing.values).sort()),
  );
  if (told.length > 0) return { since: Math.min(...told.map((event) => event.at)) };
  return Number(standing.used) >= Number(limit.bound) ? { since: null } : null;
}

const TOLD_EVERY = 86_400_000;

/** The newest event that tells of calls which alone are more than a hard limit allows at all, as long as they would
 * still be: it is told again each day on which such a call comes. */
export function largerThan(
  limit: LimitView,
  events: readonly LimitEventView[],
  now: number,
): LimitEventView | undefined {
  return events.find(
    (event) =>
      event.kind === "larger" &&
      event.limit === limit.name &&
      limit.mode === "hard" &&
      Number(event.used) > Number(limit.bound) &&
      now - event.at < TOLD_EVERY,
  );
}

/** What a refused caller is told, by the table of docs/limits.md. */
export function seenByCallers(limit: LimitView): string {
  return limit.measure === "money"
    ? "Callers see 429 insufficient_quota (Anthropic's clients 402 billing_error), which names this limit; their clients do not try again."
    : "Callers see 429 limit_reached, which names this limit and when to try again.";
}
