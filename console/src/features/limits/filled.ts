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
  const own = Object.entries(standing.values).map(([name, value]) => [name, [value]] as [Dimension, string[]]);
  const fixed = new Set<string>([...own, ...scope.filter(([, values]) => values.length === 1)].map(([name]) => name));
  const by = WHO.find((each) => !fixed.has(each));
  return {
    q:
      [...scope.filter(([name]) => !(name in standing.values)), ...own].map(([n, v]) => term(n, v)).join(" ") ||
      undefined,
    by: by === "model" ? undefined : by,
    sort: BY[limit.measure] === "-cost" ? undefined : BY[limit.measure],
    start: String(standing.started),
    end: String(now),
  };
}

/** The calls that a limit refused since an event told that it was used up; null where none were. */
export function refusedBy(event: LimitEventView, now: number): { q: string; start: string; end: string } | null {
  if (event.kind !== "exhausted") return null;
  const own = Object.entries(event.values)
    .filter(([name, value]) => value !== "" && name !== "app")
    .map(([name, value]) => field(name, [value]));
  return { q: ["error:limit_reached", ...own].join(" "), start: String(event.at - 1000), end: String(now) };
}
