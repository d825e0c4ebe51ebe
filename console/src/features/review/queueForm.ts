/** A queue while it is being written: numbers are text until they are read. */

import type { Criterion, Holding, QueueSpec, RuleKind, SendRule } from "@/api/reviewTypes";
import { badName } from "@/lib/name";

export interface CriterionForm {
  name: string;
  question: string;
  kind: NonNullable<Criterion["kind"]>;
  low: string;
  high: string;
  choices: string[];
  required: boolean;
  judge: string;
}

export interface RuleForm {
  name: string;
  kind: RuleKind;
  q: string;
  score: string;
  atMost: string;
  atLeast: string;
  spread: string;
  share: string;
  priority: string;
}

export interface HoldRuleForm {
  model: string;
  words: string[];
  tools: string[];
}

export interface QueueForm {
  name: string;
  description: string;
  instructions: string;
  criteria: CriterionForm[];
  rules: RuleForm[];
  hours: string;
  doubleShare: string;
  leaseMinutes: string;
  hideScores: boolean;
  /** Into which reviewers may put cases. */
  datasets: string[];
  /** Whether answers wait for a person before they reach the user. */
  holds: boolean;
  holdRules: HoldRuleForm[];
  holdMinutes: string;
  waitSeconds: string;
  fallback: string;
  waiting: string;
}

/** What the server takes where nothing is said. */
const HOLDING: Required<Holding> = {
  rules: [],
  timeout_s: 3600,
  wait_s: 0,
  fallback: "We cannot answer this at the moment. A person will look at it.",
  waiting: "This answer is being checked by a person.",
};

const print = (value: number | null | undefined): string =>
  value === null || value === undefined ? "" : String(value);
const percent = (value: number | undefined, fallback: number) =>
  String(Number((100 * (value ?? fallback)).toPrecision(12)));

export const criterionForm = (one: Criterion): CriterionForm => ({
  name: one.name,
  question: one.question ?? "",
  kind: one.kind ?? "pass_fail",
  low: String(one.low ?? 1),
  high: String(one.high ?? 5),
  choices: one.choices ?? [],
  required: one.required ?? true,
  judge: one.judge ?? "",
});

export const ruleForm = (one: SendRule): RuleForm => ({
  name: one.name,
  kind: one.kind,
  q: one.q ?? "",
  score: one.score ?? "",
  atMost: print(one.at_most),
  atLeast: print(one.at_least),
  spread: print(one.spread ?? 0.5),
  share: percent(one.share, 1),
  priority: String(one.priority ?? 0),
});

export function formOf(name: string, spec: QueueSpec): QueueForm {
  return {
    name,
    description: spec.description ?? "",
    instructions: spec.instructions ?? "",
    criteria: (spec.criteria ?? []).map(criterionForm),
    rules: (spec.rules ?? []).map(ruleForm),
    hours: print(Number(((spec.answer_within_s ?? 86_400) / 3600).toPrecision(12))),
    doubleShare: percent(spec.double_share, 0),
    leaseMinutes: print(Number(((spec.lease_s ?? 900) / 60).toPrecision(12))),
    hideScores: spec.hide_scores ?? true,
    datasets: spec.datasets ?? [],
    ...holdForm(spec.holding ?? null),
  };
}

function holdForm(holding: Holding | null) {
  const told = { ...HOLDING, ...holding };
  return {
    holds: holding !== null,
    holdRules: told.rules.map((each) => ({ model: each.model, words: each.words ?? [], tools: each.tools ?? [] })),
    holdMinutes: print(Number((told.timeout_s / 60).toPrecision(12))),
    waitSeconds: print(told.wait_s),
    fallback: told.fallback,
    waiting: told.waiting,
  };
}

/** What a new one begins with: the question that every queue asks, and an audit by chance. */
export const STARTER: QueueSpec = {
  criteria: [{ name: "correct", question: "Is the answer right and complete?" }],
  rules: [{ name: "audit", kind: "random", share: 0.01 }],
};

export interface Read {
  spec: QueueSpec;
  wrong: Record<string, string>;
}

/** The queue as the API takes it; what the form does not show stays as it was. */
export function read(form: QueueForm, was: QueueSpec): Read {
  const wrong: Record<string, string> = {};
  const number = (field: string, text: string, least: number, most: number, needed = true): number | null => {
    if (text.trim() === "" && !needed) return null;
    const value = Number(text.trim().replace(",", "."));
    if (text.trim() === "" || !Number.isFinite(value)) wrong[field] = "This is not a number.";
    else if (value < least || value > most) wrong[field] = `From ${least} to ${most}.`;
    else return value;
    return null;
  };
  const named = badName(form.name);
  if (named) wrong.name = named;
  twice(form.criteria, "criteria", wrong);
  twice(form.rules, "rules", wrong);
  const share = (field: string, text: string, least: number) =>
    Number(((number(field, text, least, 100) ?? 0) / 100).toPrecision(12));
  const spec: QueueSpec = {
    ...was,
    description: form.description.trim(),
    instructions: form.instructions.trim(),
    criteria: form.criteria.map((each, i) => criterionOf(each, (field) => `criteria.${i}.${field}`, number, wrong)),
    rules: form.rules.map((each, i) => ruleOf(each, (field) => `rules.${i}.${field}`, number, share, wrong)),
    answer_within_s: Math.round(3600 * (number("hours", form.hours, 1 / 60, 2160) ?? 24)),
    double_share: share("doubleShare", form.doubleShare, 0),
    lease_s: Math.round(60 * (number("leaseMinutes", form.leaseMinutes, 0.5, 1440) ?? 15)),
    hide_scores: form.hideScores,
  };
  if (form.datasets.length > 0 || was.datasets) spec.datasets = form.datasets;
  if (form.holds) spec.holding = holdingOf(form, number, wrong);
  else if (was.holding) spec.holding = null;
  return { spec, wrong };
}

type Numeric = (field: string, text: string, least: number, most: number, needed?: boolean) => number | null;
type At = (field: string) => string;

function holdingOf(form: QueueForm, number: Numeric, wrong: Record<string, string>): Holding {
  for (const [i, each] of form.holdRules.entries())
    if (!each.model.trim()) wrong[`holds.${i}.model`] = "Calls of what? A * at its end stands for anything.";
  if (!form.fallback.trim()) wrong.fallback = "What does the user get if nobody decides in time?";
  return {
    rules: form.holdRules.map((each) => ({ ...each, model: each.model.trim() })),
    timeout_s: Math.round(60 * (number("holdMinutes", form.holdMinutes, 1 / 60, 10_080) ?? 60)),
    wait_s: number("waitSeconds", form.waitSeconds, 0, 600) ?? 0,
    fallback: form.fallback.trim(),
    waiting: form.waiting.trim(),
  };
}

function twice(rows: readonly { name: string }[], what: string, wrong: Record<string, string>) {
  const seen = new Set<string>();
  for (const [i, { name }] of rows.entries()) {
    const named = badName(name);
    if (named) wrong[`${what}.${i}.name`] = named;
    else if (seen.has(name)) wrong[`${what}.${i}.name`] = `There is another ${name}.`;
    seen.add(name);
  }
}

function criterionOf(each: CriterionForm, at: At, number: Numeric, wrong: Record<string, string>): Criterion {
  const out: Criterion = { name: each.name, question: each.question.trim(), kind: each.kind, required: each.required };
  if (each.judge) out.judge = each.judge;
  if (each.kind === "scale") {
    out.low = number(at("low"), each.low, -100, 100) ?? 1;
    out.high = number(at("high"), each.high, -100, 100) ?? 5;
    if (out.high <= out.low) wrong[at("high")] = "Above the lowest.";
  }
  if (each.kind === "choice") {
    out.choices = each.choices;
    if (each.choices.length < 2) wrong[at("choices")] = "Two or more to choose from.";
  }
  return out;
}

type ShareOf = (field: string, text: string, least: number) => number;

function ruleOf(each: RuleForm, at: At, number: Numeric, share: ShareOf, wrong: Record<string, string>): SendRule {
  const out: SendRule = {
    name: each.name,
    kind: each.kind,
    q: each.q.trim(),
    share: share(at("share"), each.share, 0.0001),
    priority: number(at("priority"), each.priority, -1e6, 1e6) ?? 0,
  };
  if (each.kind === "score" || each.kind === "disputed") {
    out.score = each.score.trim();
    if (out.score === "") wrong[at("score")] = "Which score?";
  }
  if (each.kind === "disputed") out.spread = number(at("spread"), each.spread, 1e-9, 1e9) ?? 0.5;
  if (each.kind === "score" || each.kind === "complaint" || each.kind === "guard")
    out.at_most = number(at("atMost"), each.atMost, -1e9, 1e9, false);
  if (each.kind === "score") {
    out.at_least = number(at("atLeast"), each.atLeast, -1e9, 1e9, false);
    if (out.at_most === null && out.at_least === null && !wrong[at("atMost")] && !wrong[at("atLeast")])
      wrong[at("atMost")] = "At most so much, or at least so much?";
  }
  if (each.kind === "search" && out.q === "") wrong[at("q")] = "What should it find?";
  return out;
}
