/** A form out of a JSON Schema as msgspec writes it: what a scorer's options are, and what people wrote of them. */

import type { JsonObject } from "@/api/types";

export type Kind = "switch" | "number" | "integer" | "text" | "choice" | "list" | "json";

export interface Field {
  name: string;
  kind: Kind;
  label: string;
  about: string;
  required: boolean;
  /** Null may be given: left empty it is. */
  nullable: boolean;
  fallback: unknown;
  /** Of a list: what may be in it, empty for anything. */
  choices: string[];
  least: number | null;
  most: number | null;
}

type Schema = JsonObject;

const isObject = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The schema that a `$ref` within the document stands for. */
function resolved(schema: Schema, root: Schema): Schema {
  const ref = typeof schema.$ref === "string" ? schema.$ref.split("/").pop() : undefined;
  const defs = isObject(root.$defs) ? root.$defs : {};
  const found = ref === undefined ? undefined : defs[ref];
  return isObject(found) ? { ...found, ...without(schema, "$ref") } : schema;
}

function without(schema: Schema, key: string): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== key));
}

const words = (name: string) => {
  const spaced = name.replaceAll("_", " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
};

const number = (value: unknown): number | null => (typeof value === "number" ? value : null);

/** The fields of an object's schema, in its order. */
export function fieldsOf(schema: Schema): Field[] {
  const top = resolved(schema, schema);
  const properties = isObject(top.properties) ? top.properties : {};
  const required = Array.isArray(top.required) ? top.required : [];
  return Object.entries(properties).map(([name, raw]) =>
    fieldOf(name, isObject(raw) ? raw : {}, schema, required.includes(name)),
  );
}

function fieldOf(name: string, raw: Schema, root: Schema, required: boolean): Field {
  const { inner, nullable } = unwrapped(resolved(raw, root), root);
  const choices = named(inner.enum);
  return {
    name,
    kind: kindOf(inner, choices),
    label: typeof inner.title === "string" && !raw.$ref ? inner.title : words(name),
    about: String(raw.description ?? inner.description ?? ""),
    required,
    nullable,
    fallback: raw.default ?? inner.default,
    choices: choices.length > 0 || !isObject(inner.items) ? choices : named(inner.items.enum),
    least: number(inner.minimum) ?? number(inner.exclusiveMinimum),
    most: number(inner.maximum) ?? number(inner.exclusiveMaximum),
  };
}

/** The values of an enumeration. */
const named = (values: unknown): string[] =>
  Array.isArray(values) ? values.filter((each) => each !== null).map(String) : [];

/** Of `anyOf [x, null]` the x; of other unions the union, which is written as JSON. */
function unwrapped(schema: Schema, root: Schema): { inner: Schema; nullable: boolean } {
  if (!Array.isArray(schema.anyOf)) {
    const nullInEnum = Array.isArray(schema.enum) && schema.enum.includes(null);
    return { inner: schema, nullable: nullInEnum };
  }
  const parts = schema.anyOf.filter(isObject);
  const real = parts.filter((part) => part.type !== "null");
  const nullable = real.length < parts.length;
  const only = real.length === 1 ? real[0] : undefined;
  return { inner: only ? { ...without(schema, "anyOf"), ...resolved(only, root) } : schema, nullable };
}

function kindOf(schema: Schema, choices: string[]): Kind {
  if (choices.length > 0) return "choice";
  switch (schema.type) {
    case "boolean":
      return "switch";
    case "number":
      return "number";
    case "integer":
      return "integer";
    case "string":
      return "text";
    case "array":
      return isObject(schema.items) && (schema.items.type === "string" || Array.isArray(schema.items.enum))
        ? "list"
        : "json";
    default:
      return "json";
  }
}

/** What is written in a field. Lists are kept as such, all else as text. */
export type Written = string | boolean | string[];

/** How a value is written in its field. */
export function written(field: Field, value: unknown): Written {
  const given = value === undefined ? field.fallback : value;
  if (field.kind === "switch") return given === true;
  if (field.kind === "list") return Array.isArray(given) ? given.map(String) : [];
  if (given === undefined || given === null) return "";
  if (field.kind === "json") return JSON.stringify(given, null, 2);
  return String(given);
}

export interface Read {
  value: JsonObject;
  wrong: Record<string, string>;
}

/** The options that a form says; what is as by default is left out, so that a later default holds. */
export function read(fields: readonly Field[], form: Record<string, Written>): Read {
  const value: JsonObject = {};
  const wrong: Record<string, string> = {};
  for (const field of fields) {
    const text = form[field.name] ?? written(field, undefined);
    const found = one(field, text);
    if (typeof found === "object" && found !== null && "wrong" in found) wrong[field.name] = found.wrong;
    else if (found !== undefined && JSON.stringify(found.value) !== JSON.stringify(field.fallback))
      value[field.name] = found.value;
  }
  return { value, wrong };
}

function one(field: Field, text: Written): { value: unknown } | { wrong: string } | undefined {
  if (typeof text === "boolean") return { value: text };
  if (Array.isArray(text))
    return field.required && text.length === 0 ? { wrong: "Give at least one." } : { value: text };
  if (text.trim() === "") {
    if (field.required && field.kind !== "text") return { wrong: "This is needed." };
    if (field.required) return { wrong: "This is needed." };
    if (field.nullable) return { value: null };
    return field.kind === "text" ? { value: "" } : undefined;
  }
  if (field.kind === "number" || field.kind === "integer") return numeric(field, text);
  if (field.kind !== "json") return { value: text };
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { wrong: "This is not JSON." };
  }
}

function numeric(field: Field, text: string): { value: number } | { wrong: string } {
  const value = Number(text.trim().replace(",", "."));
  if (!Number.isFinite(value)) return { wrong: "This is not a number." };
  if (field.kind === "integer" && !Number.isInteger(value)) return { wrong: "A whole number, please." };
  if (field.least !== null && value < field.least) return { wrong: `At least ${field.least}.` };
  if (field.most !== null && value > field.most) return { wrong: `At most ${field.most}.` };
  return { value };
}
