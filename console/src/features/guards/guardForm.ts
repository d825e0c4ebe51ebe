/** A guard as fields to fill in. */

import type { Action, GuardKind, GuardSpec, Mode, Role, Stage } from "@/api/guards";
import { fieldsOf, read, type Written, written } from "@/features/scorers/schemaForm";
import { stagesOf } from "./words";

export interface GuardForm {
  description: string;
  action: Action;
  mode: Mode;
  stages: Stage[];
  /** Of messages at the question; none: all. */
  roles: Role[];
  /** Empty: the kind's own. */
  threshold: string;
  onFailure: "closed" | "open";
  /** What becomes of a call with parts that no guard can read. */
  unread: "allow" | "flag" | "block";
  timeout: string;
  budget: string;
  appliesTo: string[];
  order: string;
  queue: string;
  refusal: string;
  /** The class that a call's data has at least, once it has found something; empty: it says none. */
  dataClass: string;
  options: Record<string, Written>;
}

export type Wrong = Record<string, string>;

const DEFAULT_ORDER = 100;
const CLASS = /^[a-z][a-z0-9_-]{0,31}$/;

/** A new one begins in shadow mode: first one looks what it would stop. */
export function formOf(spec: GuardSpec | undefined, kind: GuardKind): GuardForm {
  const given = spec?.kind === kind.name ? (spec.options ?? {}) : {};
  return {
    description: spec?.description ?? "",
    action: fitting(spec?.action ?? (spec ? "flag" : "block"), kind),
    mode: spec ? (spec.mode ?? "enforce") : "shadow",
    stages: stagesOf(spec ?? { kind: kind.name }, kind.stages).filter((stage) => kind.stages.includes(stage)),
    roles: [...(spec?.roles ?? [])],
    threshold: spec?.threshold === undefined || spec.threshold === null ? "" : String(spec.threshold),
    onFailure: spec?.on_failure ?? "closed",
    unread: spec?.unread ?? "flag",
    timeout: spec?.timeout_ms === undefined || spec.timeout_ms === null ? "" : String(spec.timeout_ms),
    budget: spec?.budget ?? "",
    appliesTo: spec?.applies_to ?? [],
    order: String(spec?.order ?? DEFAULT_ORDER),
    queue: spec?.queue ?? "",
    refusal: spec?.refusal ?? "",
    dataClass: spec?.data_class ?? "",
    options: Object.fromEntries(fieldsOf(kind.options).map((field) => [field.name, written(field, given[field.name])])),
  };
}

/** An action that the kind can take: the one that is wanted, else the first it has. */
export const fitting = (wanted: Action, kind: Pick<GuardKind, "actions">): Action =>
  kind.actions.includes(wanted) ? wanted : (kind.actions[0] ?? "flag");

/** What a form has fields for. */
const FIELDS = [
  "kind",
  "options",
  "description",
  "action",
  "mode",
  "stages",
  "roles",
  "threshold",
  "on_failure",
  "timeout_ms",
  "budget",
  "applies_to",
  "order",
  "queue",
  "refusal",
  "data_class",
  "unread",
];

/** The spec that a form says, over what it has no field for. What is as by default is left out, so that the same guard
 * is the same text. */
export function specOf(form: GuardForm, kind: GuardKind, before?: GuardSpec): { spec: GuardSpec; wrong: Wrong } {
  const { value: options, wrong: badOptions } = read(fieldsOf(kind.options), form.options);
  const wrong: Wrong = { ...badOptions };
  const kept = Object.entries(before ?? {}).filter(([name]) => !FIELDS.includes(name));
  const spec: GuardSpec = { ...Object.fromEntries(kept), kind: kind.name, action: form.action, mode: form.mode };
  if (Object.keys(options).length > 0) spec.options = options;
  if (form.description.trim()) spec.description = form.description.trim();
  if (form.stages.length === 0) wrong.stages = "It must look at something.";
  else if (form.stages.length < kind.stages.length) spec.stages = stagesOf({ kind: "", stages: form.stages }, []);
  if (form.roles.length > 0 && form.stages.includes("input")) spec.roles = form.roles;
  const threshold = number(form.threshold, { least: 0, most: 1, whole: false });
  if (typeof threshold === "string") wrong.threshold = threshold;
  else if (threshold !== null) spec.threshold = threshold;
  const timeout = number(form.timeout, { least: 1, most: 60_000, whole: true });
  if (typeof timeout === "string") wrong.timeout = timeout;
  else if (timeout !== null) spec.timeout_ms = timeout;
  const order = number(form.order, { least: 0, most: 1000, whole: true });
  if (typeof order === "string") wrong.order = order;
  else if (order !== null && order !== DEFAULT_ORDER) spec.order = order;
  if (form.onFailure === "open") spec.on_failure = "open";
  if (form.unread !== "flag") spec.unread = form.unread;
  if (kind.needs === "model" && form.budget.trim()) spec.budget = form.budget.trim();
  if (form.appliesTo.length > 0) spec.applies_to = form.appliesTo;
  if (form.action === "escalate") {
    if (form.queue.trim()) spec.queue = form.queue.trim();
    else wrong.queue = "Name the review queue that it goes to.";
  }
  if (form.refusal.trim() && (form.action === "block" || form.action === "escalate"))
    spec.refusal = form.refusal.trim();
  const dataClass = form.dataClass.trim();
  if (dataClass && !CLASS.test(dataClass))
    wrong.dataClass = "A class is named by up to 32 of a-z 0-9 _ -, a letter first.";
  else if (dataClass) spec.data_class = dataClass;
  return { spec, wrong };
}

interface Bounds {
  least: number;
  most: number;
  whole: boolean;
}

/** Null for nothing, a text for what is wrong. */
function number(text: string, { least, most, whole }: Bounds): number | null | string {
  if (text.trim() === "") return null;
  const value = Number(text.trim().replace(",", "."));
  if (!Number.isFinite(value)) return "This is not a number.";
  if (whole && !Number.isInteger(value)) return "A whole number, please.";
  return value < least || value > most ? `From ${least} to ${most}.` : value;
}
