/** Values of a prompt's variables as they are typed into a form, and as JSON. */

import type { JsonObject, PreviewVariable, Variable } from "@/api/types";

/** By name, the text of each field; what was never touched is not in it. */
export type Texts = Record<string, string>;

const AS_JSON = new Set<Variable["type"]>(["array", "object", "messages"]);
export const isJson = (variable: Variable): boolean => AS_JSON.has(variable.type);

const print = (variable: Variable, value: unknown): string =>
  variable.type === "string" && typeof value === "string"
    ? value
    : JSON.stringify(value, null, isJson(variable) ? 2 : undefined);

/** What a field says before anybody has typed: the default, else the first example, else nothing. */
export function startOf(variable: Variable): string {
  if (variable.default !== undefined) return variable.default === null ? "" : print(variable, variable.default);
  const example = variable.examples[0];
  if (example !== undefined) return print(variable, example);
  return variable.enum.length > 0 ? print(variable, variable.enum[0]) : "";
}

export const textOf = (texts: Texts, one: PreviewVariable): string => texts[one.name] ?? startOf(one.variable);

/** The value of a field: left out where nothing was typed and nothing must be, or an error in words. */
export function readValue(one: PreviewVariable, text: string): { value?: unknown; error?: string } {
  const { variable } = one;
  if (text === "" && (variable.type !== "string" || !one.required)) {
    return one.required ? { error: `Give a value: ${variable.type}.` } : {};
  }
  if (variable.type === "string") return { value: text };
  if (variable.type === "number" || variable.type === "integer") {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value)) return { error: "This is not a number." };
    if (variable.type === "integer" && !Number.isInteger(value)) return { error: "This is not a whole number." };
    return { value };
  }
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { error: `This is not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** All values that can be sent, and what is wrong with the others. */
export function valuesOf(variables: PreviewVariable[], texts: Texts): { values: JsonObject; errors: Texts } {
  const values: JsonObject = {};
  const errors: Texts = {};
  for (const one of variables) {
    const { value, error } = readValue(one, textOf(texts, one));
    if (error !== undefined) errors[one.name] = error;
    else if (value !== undefined) values[one.name] = value;
  }
  return { values, errors };
}
