/** An app's draft as fields to fill in: names with values where that is enough, JSON where it must be. */

import type { AppSpec } from "@/api/releaseTypes";
import type { JsonObject } from "@/api/types";
import { roundedIn, tooLarge } from "@/ui/wholeNumbers";
import { type KnowledgeRow, knowledgeOf, rowsOf } from "./knowledgeForm";

/** A value as it is typed: JSON where it reads as such, else the text itself. */
export interface Pair {
  name: string;
  value: string;
}

export interface DraftForm {
  description: string;
  prompt: string;
  routeKind: "name" | "tree";
  route: string;
  tree: string;
  parameters: Pair[];
  variables: Pair[];
  policy: Pair[];
  metadata: Pair[];
  /** `pii`, `pii@3` or `pii@latest`. */
  guards: string[];
  knowledge: KnowledgeRow[];
  /** Empty: the prompt's own. */
  tools: string;
  outputSchema: string;
  context: string;
  cache: string;
}
export type PairField = "parameters" | "variables" | "policy" | "metadata";
export type JsonField = "tree" | "tools" | "outputSchema" | "context" | "cache";
export type DraftErrors = Partial<Record<PairField | JsonField | "route" | "knowledge", string>>;

export const FIRST_TREE = { node: "fallback", of: ["first-model", "second-model"] };

export function readValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** The text that reads back as this value; quotes only where the bare text would be something else. */
export function printValue(value: unknown): string {
  if (typeof value === "string" && value !== "" && value === value.trim() && readValue(value) === value) return value;
  return JSON.stringify(value);
}

/** What a typed value is, said beside it: `50` and `"50"` are not the same. */
export function kindOf(text: string): string {
  const value = readValue(text);
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  if (typeof value === "string") return text === "" ? "empty" : "text";
  return typeof value === "boolean" ? "yes or no" : typeof value;
}

const pairsOf = (values: JsonObject | undefined): Pair[] =>
  Object.entries(values ?? {}).map(([name, value]) => ({ name, value: printValue(value) }));
const jsonOf = (value: unknown): string =>
  value === undefined || value === null ? "" : JSON.stringify(value, null, 2);

export function formOf(spec: AppSpec): DraftForm {
  const named = typeof spec.route === "string" || spec.route === undefined;
  return {
    description: spec.description ?? "",
    prompt: spec.prompt ?? "",
    routeKind: named ? "name" : "tree",
    route: named ? String(spec.route ?? "") : "",
    tree: jsonOf(named ? FIRST_TREE : spec.route),
    parameters: pairsOf(spec.parameters),
    variables: pairsOf(spec.variables),
    policy: pairsOf(spec.policy),
    metadata: pairsOf(spec.metadata),
    guards: [...(spec.guards ?? [])],
    knowledge: rowsOf(spec.knowledge),
    tools: jsonOf(spec.tools),
    outputSchema: jsonOf(spec.output_schema),
    context: jsonOf(spec.context),
    cache: jsonOf(spec.cache),
  };
}

/** The draft that the form says, over what it has no field for; `errors` names what cannot be read. */
export function specOf(form: DraftForm, before: AppSpec): { spec: AppSpec; errors: DraftErrors } {
  const errors: DraftErrors = {};
  const spec: AppSpec = { ...before };
  for (const name of ["prompt", "tools", "output_schema", "context", "cache"] as const) delete spec[name];
  spec.description = form.description.trim();
  delete spec.guards;
  if (form.guards.length > 0) spec.guards = form.guards;
  const read = knowledgeOf(form.knowledge);
  if (read.error) errors.knowledge = read.error;
  delete spec.knowledge;
  if (read.knowledge.length > 0) spec.knowledge = read.knowledge;
  if (form.prompt.trim()) spec.prompt = form.prompt.trim();
  for (const field of ["parameters", "variables", "policy", "metadata"] as const) {
    spec[field] = objectOf(form[field], field, errors);
  }
  const isTree = form.routeKind === "tree";
  spec.route = isTree ? (json(form.tree, "tree", "object", errors) as JsonObject) : form.route.trim();
  if (isTree && form.tree.trim() === "") errors.tree = "Write the tree, or choose a model or a route by name.";
  if (form.tools.trim()) spec.tools = json(form.tools, "tools", "array", errors) as JsonObject[];
  if (form.outputSchema.trim())
    spec.output_schema = json(form.outputSchema, "outputSchema", "object", errors) as JsonObject;
  if (form.context.trim()) spec.context = json(form.context, "context", "object", errors) as JsonObject;
  if (form.cache.trim()) spec.cache = json(form.cache, "cache", "object", errors) as JsonObject;
  return { spec, errors };
}

function objectOf(pairs: Pair[], field: PairField, errors: DraftErrors): JsonObject {
  const named = pairs.filter((pair) => pair.name.trim() !== "" || pair.value.trim() !== "");
  if (named.some((pair) => pair.name.trim() === "")) errors[field] = "A value has no name.";
  const names = named.map((pair) => pair.name.trim());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice) errors[field] = `${twice} stands twice.`;
  const values = Object.fromEntries(named.map((pair) => [pair.name.trim(), readValue(pair.value)]));
  const rounded = roundedIn(values);
  if (rounded !== undefined) errors[field] = tooLarge(rounded);
  return values;
}

function json(text: string, field: JsonField, wanted: "object" | "array", errors: DraftErrors): unknown {
  try {
    const value: unknown = JSON.parse(text);
    const found = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
    const rounded = roundedIn(value);
    if (rounded !== undefined) errors[field] = tooLarge(rounded);
    if (found === wanted) return value;
    errors[field] = wanted === "array" ? "A list is wanted: [ … ]." : "An object is wanted: { … }.";
  } catch (error) {
    errors[field] = error instanceof Error ? error.message : String(error);
  }
  return undefined;
}
