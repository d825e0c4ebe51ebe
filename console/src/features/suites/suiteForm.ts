/** A suite while it is being written: everything is text until it is read. */

import type { SuiteScorer, SuiteSpec } from "@/api/evaluationTypes";
import type { JsonObject } from "@/api/types";
import { badName } from "@/lib/name";

export interface ScorerForm {
  scorer: string;
  name: string;
  options: JsonObject;
  /** What is wrong with the options, said by their own form. */
  optionsWrong: boolean;
  atLeast: string;
  atMost: string;
  margin: string;
  relative: boolean;
  required: boolean;
}

export interface SuiteForm {
  name: string;
  description: string;
  dataset: string;
  version: string;
  split: string;
  tags: string[];
  scorers: ScorerForm[];
  repeats: string;
  against: string;
  rule: "better" | "not_worse";
  alpha: string;
  costMargin: string;
  latencyMargin: string;
  mostUnscored: string;
  mostErrors: string;
  budget: string;
  concurrency: string;
  freshnessDays: string;
}

const print = (value: number | null | undefined, percent = false): string =>
  value === null || value === undefined ? "" : String(percent ? Number((100 * value).toPrecision(12)) : value);

export const scorerForm = (scorer: SuiteScorer): ScorerForm => ({
  scorer: scorer.scorer,
  name: scorer.name ?? "",
  options: scorer.options ?? {},
  optionsWrong: false,
  atLeast: print(scorer.at_least),
  atMost: print(scorer.at_most),
  margin: print(scorer.margin),
  relative: scorer.relative ?? false,
  required: scorer.required ?? true,
});

export function formOf(name: string, spec: SuiteSpec): SuiteForm {
  const [dataset = "", version = ""] = spec.dataset.split("@");
  return {
    name,
    description: spec.description ?? "",
    dataset,
    version,
    split: spec.split ?? "",
    tags: spec.tags ?? [],
    scorers: spec.scorers.map(scorerForm),
    repeats: String(spec.repeats ?? 1),
    against: spec.against ?? "",
    rule: spec.rule ?? "not_worse",
    alpha: print(spec.alpha ?? 0.05),
    costMargin: print(spec.cost_margin, true),
    latencyMargin: print(spec.latency_margin, true),
    mostUnscored: print(spec.most_unscored ?? 0.1, true),
    mostErrors: print(spec.most_errors ?? 0.05, true),
    budget: spec.budget ?? "",
    concurrency: String(spec.concurrency ?? 8),
    freshnessDays: print(spec.freshness_days ?? 30),
  };
}

export const EMPTY: SuiteSpec = { dataset: "", scorers: [] };

export interface Read {
  spec: SuiteSpec;
  wrong: Record<string, string>;
}

/** The suite as the API takes it, and what is wrong by field (`scorers.0.margin`). */
export function read(form: SuiteForm): Read {
  const wrong: Record<string, string> = {};
  const number = (field: string, text: string, least: number, most: number): number | undefined => {
    if (text.trim() === "") return undefined;
    const value = Number(text.trim().replace(",", "."));
    if (!Number.isFinite(value)) wrong[field] = "This is not a number.";
    else if (value < least || value > most) wrong[field] = `From ${least} to ${most}.`;
    else return value;
    return undefined;
  };
  const share = (field: string, text: string, most: number) => {
    const value = number(field, text, 0, most);
    return value === undefined ? undefined : Number((value / 100).toPrecision(12));
  };
  const named = badName(form.name);
  if (named) wrong.name = named;
  if (form.dataset === "") wrong.dataset = "Choose the cases.";
  if (form.scorers.length === 0) wrong.scorers = "Add at least one scorer.";
  if (form.budget !== "" && !/^\d*\.?\d+$/.test(form.budget.trim()))
    wrong.budget = "An amount in dollars, such as 2.50.";
  const seen = new Set<string>();
  const spec: SuiteSpec = {
    dataset: form.version ? `${form.dataset}@${form.version}` : form.dataset,
    scorers: form.scorers.map((each, i) => {
      const label = each.name || each.scorer;
      if (seen.has(label)) wrong[`scorers.${i}.name`] = `Two are called ${label}: give this one another name.`;
      seen.add(label);
      if (each.optionsWrong) wrong[`scorers.${i}.options`] = "Correct its options.";
      return scorerOf(each, i, number, wrong);
    }),
    description: form.description.trim(),
    split: form.split,
    tags: form.tags,
    repeats: number("repeats", form.repeats, 1, 100) ?? 1,
    against: form.against.trim(),
    rule: form.rule,
    alpha: number("alpha", form.alpha, 0.0001, 0.5) ?? 0.05,
    cost_margin: share("costMargin", form.costMargin, 10_000) ?? null,
    latency_margin: share("latencyMargin", form.latencyMargin, 10_000) ?? null,
    most_unscored: share("mostUnscored", form.mostUnscored, 100) ?? 0.1,
    most_errors: share("mostErrors", form.mostErrors, 100) ?? 0.05,
    budget: form.budget.trim(),
    concurrency: number("concurrency", form.concurrency, 1, 256) ?? 8,
    freshness_days: number("freshnessDays", form.freshnessDays, 0.01, 36_500) ?? 30,
  };
  return { spec, wrong };
}

type Numeric = (field: string, text: string, least: number, most: number) => number | undefined;

function scorerOf(each: ScorerForm, i: number, number: Numeric, wrong: Record<string, string>): SuiteScorer {
  const at = (field: string) => `scorers.${i}.${field}`;
  const atLeast = number(at("atLeast"), each.atLeast, -1e12, 1e12);
  const atMost = number(at("atMost"), each.atMost, -1e12, 1e12);
  if (atLeast !== undefined && atMost !== undefined && atLeast > atMost) wrong[at("atMost")] = "Below the least.";
  const margin = number(at("margin"), each.margin, 0, 1e12);
  if (margin === 0) wrong[at("margin")] = "Above 0: no sample is large enough to tell no difference at all.";
  return {
    scorer: each.scorer,
    ...(each.name ? { name: each.name } : {}),
    ...(Object.keys(each.options).length > 0 ? { options: each.options } : {}),
    at_least: atLeast ?? null,
    at_most: atMost ?? null,
    margin: margin ?? null,
    relative: each.relative,
    required: each.required,
  };
}
