/** What forms of the data page make of what is typed, and what they say of it. */

import type { DataTermsBody, LegalHoldView, ModelTerms, NewLegalHold, StatedTerms } from "@/api/dataRules";

// --- legal holds ---

export interface HoldDraft {
  subject: NewLegalHold["subject"];
  value: string;
  /** Days as in a date field, `2026-03-01`, in UTC; empty for no bound. The last day counts in whole. */
  from: string;
  until: string;
  reason: string;
}

export const NEW_HOLD: HoldDraft = { subject: "user", value: "", from: "", until: "", reason: "" };

const DAY_MS = 86_400_000;
const midnight = (day: string): number | null => (day ? Date.parse(`${day}T00:00:00Z`) : null);

/** What stands in the way of setting it, empty for nothing. */
export function holdFault(draft: HoldDraft): string {
  if (draft.subject !== "project" && !draft.value.trim()) return `Say which ${draft.subject}.`;
  if (!draft.reason.trim()) return "Say why: the reason stands in the audit log.";
  return draft.from && draft.until && draft.from > draft.until ? "It ends before it begins." : "";
}

export function holdBody(draft: HoldDraft): NewLegalHold {
  const last = midnight(draft.until);
  return {
    subject: draft.subject,
    value: draft.subject === "project" ? "" : draft.value.trim(),
    start: midnight(draft.from),
    end: last === null ? null : last + DAY_MS,
    reason: draft.reason.trim(),
  };
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** `user alice, from 2026-03-01 to 2026-05-31`: the end of the API is the first moment that is not held. */
export function heldWords(hold: Pick<LegalHoldView, "subject" | "value" | "start" | "end">): string {
  const what = hold.subject === "project" ? "the whole project" : `${hold.subject} ${hold.value}`;
  const from = hold.start === null ? "" : ` from ${dayOf(hold.start)}`;
  const until = hold.end === null ? "" : ` to ${dayOf(hold.end - 1)}`;
  return from || until ? `${what},${from}${until}` : what;
}

// --- data terms ---

export interface TermsDraft {
  region: string;
  classes: string[];
  terms: string[];
  /** Whether the classes are stated at all: stating none is not the same as saying nothing. */
  states_classes: boolean;
  states_terms: boolean;
}

export const termsDraft = (stated: StatedTerms | undefined): TermsDraft => ({
  region: stated?.region ?? "",
  classes: [...(stated?.data_classes ?? [])],
  terms: [...(stated?.terms ?? [])],
  states_classes: stated?.data_classes != null,
  states_terms: stated?.terms != null,
});

/** Null for what is not stated; of a model, its provider's word then holds. */
export const termsBody = (draft: TermsDraft): DataTermsBody => ({
  region: draft.region.trim() || null,
  data_classes: draft.states_classes ? draft.classes : null,
  terms: draft.states_terms ? draft.terms : null,
});

export const saysNothing = (body: DataTermsBody): boolean =>
  [body.region, body.data_classes, body.terms].every((each) => each === null || each === undefined);

/** Models by provider, in order of name; the provider's own word beside them. */
export function byProvider(models: readonly ModelTerms[], providers: readonly string[]): [string, ModelTerms[]][] {
  const names = [...new Set([...providers, ...models.map((model) => model.provider)])].sort();
  return names.map((name) => [name, models.filter((model) => model.provider === name)]);
}

// --- data classes ---

/** What is wrong with a list of classes, empty for nothing. */
export function classesFault(classes: readonly string[], standard: string): string {
  if (classes.length === 0) return "There is at least one class.";
  if (standard !== "" && !classes.includes(standard)) return `The standard class ${standard} is not in the list.`;
  return "";
}

/** A class moved by one place towards the less (-1) or the more sensitive (1). */
export function moved(classes: readonly string[], name: string, step: -1 | 1): string[] {
  const at = classes.indexOf(name);
  const to = at + step;
  if (at < 0 || to < 0 || to >= classes.length) return [...classes];
  const rest = classes.filter((each) => each !== name);
  return [...rest.slice(0, to), name, ...rest.slice(to)];
}

// --- encryption ---

/** What must be typed before a key is destroyed: as the API asks for it. */
export const destructionWords = (key: string, project: string): string => `destroy ${key} of ${project}`;
