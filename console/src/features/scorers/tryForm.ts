/** What a scorer is tried on, as people write it. */

import type { JsonObject } from "@/api/types";

export type TryField =
  | "input"
  | "output"
  | "expected"
  | "context"
  | "other"
  | "repeats"
  | "paraphrases"
  | "system"
  | "tool_calls"
  | "expected_tool_calls"
  | "output_schema";
export type TryForm = Record<TryField, string>;

export const TEXTS: { field: TryField; label: string; about?: string }[] = [
  { field: "input", label: "Asked" },
  { field: "output", label: "Answer" },
  { field: "expected", label: "Expected", about: "A text, or JSON." },
  { field: "context", label: "Context", about: "Texts apart by a line of three dashes." },
  { field: "system", label: "System prompt" },
  { field: "other", label: "The other answer" },
  { field: "repeats", label: "Other answers to the same", about: "Apart by a line of three dashes." },
  { field: "paraphrases", label: "Answers to the same in other words", about: "Apart by a line of three dashes." },
  { field: "tool_calls", label: "Calls of tools", about: 'JSON: [{"name": …, "arguments": {…}}]' },
  { field: "expected_tool_calls", label: "Expected calls of tools", about: "JSON." },
  { field: "output_schema", label: "Schema of the answer", about: "JSON Schema." },
];

export const EMPTY = Object.fromEntries(TEXTS.map(({ field }) => [field, ""])) as TryForm;

const LISTS: TryField[] = ["context", "repeats", "paraphrases"];
const JSONS: TryField[] = ["tool_calls", "expected_tool_calls", "output_schema"];

/** The sample as the API takes it: what is empty is not there, except the answer, which may be empty. */
export function sampleOf(form: TryForm): { value: JsonObject; wrong: Partial<Record<TryField, string>> } {
  const value: JsonObject = { output: form.output };
  const wrong: Partial<Record<TryField, string>> = {};
  for (const { field } of TEXTS) {
    const text = form[field];
    if (field === "output" || text.trim() === "") continue;
    if (LISTS.includes(field)) value[field] = text.split(/\n-{3,}\n/).map((each) => each.trim());
    else if (!JSONS.includes(field)) value[field] = field === "expected" ? jsonOrText(text) : text;
    else {
      try {
        value[field] = JSON.parse(text);
      } catch {
        wrong[field] = "This is not JSON.";
      }
    }
  }
  return { value, wrong };
}

/** Objects and lists are JSON; all else is the text that was written, so that 42 stays the text 42. */
function jsonOrText(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
