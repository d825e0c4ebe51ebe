/** A case while it is being written. Input and expectation are texts, or JSON where that is chosen. */

import type { Case, Consent, Pii, Use } from "@/api/evaluationTypes";
import type { JsonObject } from "@/api/types";
import { jsonText, usesOf } from "./words";

export interface CaseForm {
  id: string;
  input: string;
  inputJson: boolean;
  expected: string;
  expectedJson: boolean;
  /** Texts the answer rests on, apart by lines of three dashes. */
  context: string;
  toolCalls: string;
  metadata: string;
  tags: string[];
  split: string;
  group: string;
  weight: string;
  licence: string;
  uses: Use[];
  consent: Consent;
  pii: Pii;
}

export const APART = "\n---\n";

export function formOf(given: Partial<Case>): CaseForm {
  const one: Case = { id: "", input: "", ...given };
  return {
    id: one.id,
    input: jsonText(one.input),
    inputJson: typeof one.input !== "string",
    expected: jsonText(one.expected),
    expectedJson: one.expected != null && typeof one.expected !== "string",
    context: (one.context ?? []).join(APART),
    toolCalls: one.expected_tool_calls ? JSON.stringify(one.expected_tool_calls, null, 2) : "",
    metadata: one.metadata && Object.keys(one.metadata).length > 0 ? JSON.stringify(one.metadata, null, 2) : "",
    tags: one.tags ?? [],
    split: one.split ?? "",
    group: one.group ?? "",
    weight: String(one.weight ?? 1),
    licence: one.licence ?? "",
    uses: usesOf(one),
    consent: one.consent ?? "unknown",
    pii: one.pii ?? "unknown",
  };
}

export interface ReadCase {
  value: Omit<Case, "id" | "provenance"> & { id?: string };
  wrong: Partial<Record<keyof CaseForm, string>>;
}

const NOT_JSON = "This is not JSON.";
const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The case as the API takes it, and what is wrong by field. */
export function read(form: CaseForm): ReadCase {
  const wrong: ReadCase["wrong"] = {};
  const parse = (field: keyof CaseForm, text: string): unknown => {
    if (text.trim() === "") return null;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      wrong[field] = NOT_JSON;
      return null;
    }
  };
  const input = form.inputJson ? parse("input", form.input) : form.input;
  if ((input === null || input === "") && !wrong.input) wrong.input = "What is asked is needed.";
  const expected = form.expectedJson ? parse("expected", form.expected) : form.expected === "" ? null : form.expected;
  const calls = parse("toolCalls", form.toolCalls);
  if (calls !== null && !Array.isArray(calls)) wrong.toolCalls = "A JSON list of calls, each with name and arguments.";
  const metadata = parse("metadata", form.metadata) ?? {};
  if (!isObject(metadata)) wrong.metadata = "A JSON object.";
  const weight = Number(form.weight.replace(",", "."));
  if (!(weight > 0)) wrong.weight = "Above 0.";
  const context = form.context.trim() === "" ? null : form.context.split(APART).map((each) => each.trim());
  return {
    wrong,
    value: {
      ...(form.id ? { id: form.id } : {}),
      input,
      expected,
      context,
      expected_tool_calls: Array.isArray(calls) ? calls : null,
      metadata: isObject(metadata) ? metadata : {},
      tags: form.tags,
      split: form.split,
      group: form.group,
      weight: weight > 0 ? weight : 1,
      licence: form.licence,
      uses: form.uses,
      consent: form.consent,
      pii: form.pii,
    },
  };
}
