/** Cases as people read them. */

import type { Case, Consent, Pii, Provenance, Use } from "@/api/evaluationTypes";
import type { JsonObject } from "@/api/types";

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A text as it is, all else as JSON. */
export function jsonText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** The words of a chat message's content: a text, or the text parts of a list. */
export function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return content == null ? "" : jsonText(content);
  return content
    .map((part) =>
      isObject(part) ? (typeof part.text === "string" ? part.text : `[${String(part.type ?? "part")}]`) : String(part),
    )
    .join("\n");
}

export interface Turn {
  role: string;
  text: string;
}

/** The messages of an input that has them; null where the input is something else. */
export function turnsOf(input: unknown): Turn[] | null {
  const messages = isObject(input) ? input.messages : Array.isArray(input) ? input : null;
  if (!Array.isArray(messages)) return null;
  return messages.filter(isObject).map((message) => ({
    role: String(message.role ?? "?"),
    text: contentText(message.content) || (message.tool_calls ? `calls ${jsonText(message.tool_calls)}` : ""),
  }));
}

/** A whole input in plain words. */
export function inputText(input: unknown): string {
  const turns = turnsOf(input);
  if (turns === null) return isObject(input) && isObject(input.variables) ? jsonText(input.variables) : jsonText(input);
  if (turns.length === 1) return turns[0]?.text ?? "";
  return turns.map((turn) => `${turn.role}: ${turn.text}`).join("\n\n");
}

/** One line of it: the last thing the user says. */
export function inputLine(input: unknown): string {
  const turns = turnsOf(input);
  const last = turns?.filter((turn) => turn.role === "user").at(-1) ?? turns?.at(-1);
  return (last ? last.text : inputText(input)).replaceAll(/\s+/g, " ").trim();
}

export const line = (value: unknown): string => jsonText(value).replaceAll(/\s+/g, " ").trim();

const ORIGINS: Record<NonNullable<Provenance["origin"]>, string> = {
  person: "written by hand",
  file: "from a file",
  trace: "from a trace",
  generator: "written by a model",
  review: "from a review",
  redteam: "from red teaming",
};

export function originWords(provenance: Provenance | undefined): string {
  return ORIGINS[provenance?.origin ?? "person"];
}

export const USES: { value: Use; label: string; about: string }[] = [
  { value: "evaluate", label: "Evaluate", about: "Measure answers with it." },
  { value: "tune", label: "Tune", about: "Choose prompts and settings by it." },
  { value: "train", label: "Train", about: "Teach models with it." },
];

export const usesOf = (one: Case): Use[] => one.uses ?? ["evaluate"];

export const CONSENT: Record<Consent, string> = {
  unknown: "consent not known",
  given: "consent given",
  not_needed: "no consent needed",
  withdrawn: "consent withdrawn",
};

export const PII: Record<Pii, string> = {
  unknown: "personal data not known",
  none: "no personal data",
  present: "personal data in it",
  redacted: "personal data removed",
};
