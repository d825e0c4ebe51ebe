/** What guards look at, do and did, in words. */

import type { Action, GuardReport, GuardSpec, GuardVerdictLine, Mode, Stage } from "@/api/guards";
import { formatInt, plural } from "@/lib/format";

export const STAGES: Record<Stage, { label: string; about: string }> = {
  input: { label: "question", about: "What users, or the application, write." },
  retrieved: { label: "found texts", about: "What was found for the model to read." },
  tool_arguments: { label: "tool arguments", about: "What the model wants to tell a tool." },
  tool_result: { label: "tool results", about: "What a tool gave back." },
  output: { label: "answer", about: "What the model answers; streams are held back as far as that takes." },
};
export const STAGE_ORDER = Object.keys(STAGES) as Stage[];

export const ACTIONS: Record<Action, { label: string; about: string }> = {
  allow: { label: "lets pass", about: "Nothing happens." },
  flag: { label: "flags", about: "The call goes on; the trace says what was found." },
  redact: { label: "redacts", about: "What was found is taken out, and the call goes on." },
  block: { label: "blocks", about: "The user gets a refusal with a reference, in the client's own dialect." },
  escalate: { label: "blocks and asks people", about: "As block, and the call goes to a review queue." },
};

export const MODES: Record<Mode, { label: string; about: string }> = {
  shadow: {
    label: "Shadow",
    about: "It looks and writes down what it would do. Nothing passes differently: for finding out what it would stop.",
  },
  enforce: { label: "Enforce", about: "What it decides is done, from the next call on." },
  off: { label: "Off", about: "It does not look, and nothing is written down." },
};

/** `enforce` where nothing is said: as the server has it. */
export const modeOf = (spec: GuardSpec): Mode => spec.mode ?? "enforce";
export const actionOf = (spec: GuardSpec): Action => spec.action ?? "flag";

/** The stages of a spec, or all that its kind has, in the order in which a call passes them. */
export function stagesOf(spec: GuardSpec, ofKind: readonly Stage[]): Stage[] {
  const own = spec.stages && spec.stages.length > 0 ? spec.stages : ofKind;
  return STAGE_ORDER.filter((stage) => own.includes(stage));
}

const DONE: Record<Action, [done: string, would: string]> = {
  allow: ["let it pass", "would have let it pass"],
  flag: ["flagged it", "would have flagged it"],
  redact: ["redacted it", "would have redacted it"],
  block: ["stopped the call", "would have stopped the call"],
  escalate: ["stopped the call and asked people", "would have stopped the call and asked people"],
};

/** What a verdict came to, in the past tense. */
export function didWords(line: Pick<GuardVerdictLine, "action" | "mode">): string {
  const words = DONE[line.action as Action] ?? [line.action, line.action];
  return line.mode === "shadow" ? words[1] : words[0];
}

export const stops = (action: string): boolean => action === "block" || action === "escalate";

/** The verdict that stopped the call: in force, and the last that was told before the end. */
export function stopper<L extends Pick<GuardVerdictLine, "action" | "mode">>(lines: readonly L[]): L | undefined {
  return lines.findLast((line) => line.mode === "enforce" && stops(line.action));
}

/** Those that did or would have done something, could not tell or could not read all of it; then those that let it
 * pass. */
export function weighed<L extends Pick<GuardVerdictLine, "action" | "failed" | "unread">>(
  lines: readonly L[],
): [L[], L[]] {
  const told = (line: L) => line.action !== "allow" || line.failed !== "" || Object.keys(line.unread ?? {}).length > 0;
  return [lines.filter(told), lines.filter((line) => !told(line))];
}

/** `2 emails, 1 iban`, the most frequent first. */
export function foundWords(found: Record<string, number>): string {
  return Object.entries(found)
    .sort(([a, x], [b, y]) => y - x || a.localeCompare(b))
    .map(([kind, count]) => `${formatInt(count)} ${kind.replaceAll("_", " ")}`)
    .join(", ");
}

const UNREAD: Record<string, string> = { image: "picture", audio: "recording", video: "film", file: "file" };

/** `2 pictures, 1 file`: what it could not read. */
export function unreadWords(unread: Record<string, number>): string {
  return Object.entries(unread)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([kind, count]) => plural(count, UNREAD[kind] ?? kind))
    .join(", ");
}

/** Scores to three digits; what is above the threshold is never shown as below it. */
export const scoreWords = (score: number): string => String(Math.round(score * 1000) / 1000);

export interface Stopped {
  /** Of how many calls it looked at in that mode. */
  of: number;
  stopped: number;
  would: boolean;
}

const total = (by: Record<string, number>) => Object.values(by).reduce((sum, count) => sum + count, 0);
const halted = (by: Record<string, number>) => (by.block ?? 0) + (by.escalate ?? 0);

/** What it stopped, and what it would have stopped; only that of which there is something. */
export function stoppedOf(report: Pick<GuardReport, "enforced" | "would_have">): Stopped[] {
  const both = [
    { of: total(report.enforced), stopped: halted(report.enforced), would: false },
    { of: total(report.would_have), stopped: halted(report.would_have), would: true },
  ];
  return both.filter((each) => each.of > 0);
}

export interface Acted {
  would: boolean;
  /** `redacted 3, flagged 2`: each thing that it did; where it did nothing, that of what it is set to do. */
  did: [verb: string, count: number][];
  of: number;
}

const VERBS: Record<Action, string> = {
  allow: "let pass",
  flag: "flagged",
  redact: "redacted",
  block: "stopped",
  escalate: "stopped",
};

/** What a guard did, by what it does: a redacting guard stops nothing, and that is no news. */
export function actedOf(report: Pick<GuardReport, "enforced" | "would_have">, action: Action): Acted[] {
  const told = (by: Record<string, number>): Acted["did"] => {
    const counts: Acted["did"] = [
      ["stopped", halted(by)],
      ["redacted", by.redact ?? 0],
      ["flagged", by.flag ?? 0],
    ];
    const done = counts.filter(([, count]) => count > 0);
    return done.length > 0 ? done : [[VERBS[action], 0]];
  };
  const both = [
    { would: false, did: told(report.enforced), of: total(report.enforced) },
    { would: true, did: told(report.would_have), of: total(report.would_have) },
  ];
  return both.filter((each) => each.of > 0);
}

/** Where a guard holds, in words. */
export function whereWords(spec: GuardSpec): string {
  const patterns = spec.applies_to ?? [];
  return patterns.length === 0
    ? "apps that list it"
    : patterns.map((each) => (each === "*" ? "everything" : each)).join(", ");
}

/** What holds where a version says nothing of a field, in words; of options each kind has its own. */
const UNSAID: Record<string, string> = {
  action: "flag",
  mode: "enforce",
  on_failure: "closed",
  unread: "flag",
  order: "100",
  stages: "all of its kind",
  roles: "all messages",
  threshold: "its kind's own",
  applies_to: "only apps that list it",
};

/** A value of a version's field; what is not said is told as what then holds. */
export function fieldWords(field: string, value: unknown): string {
  if (value === null || value === undefined)
    return UNSAID[field] ?? (field.startsWith("options.") ? "as by default" : "nothing");
  if (Array.isArray(value)) return value.map(String).join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** ``words`` of a description apart from what stands in double backticks. */
export function coded(text: string): { text: string; code: boolean }[] {
  return text
    .split("``")
    .map((part, i) => ({ text: part.replaceAll(/\s+/g, " "), code: i % 2 === 1 }))
    .filter((part) => part.text !== "");
}
