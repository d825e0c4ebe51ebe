/** A rule while it is being written: numbers are text until they are read. */

import type { OnlineSpec, RuleView, ScheduleSpec } from "@/api/qualityTypes";
import type { JsonObject } from "@/api/types";
import { badName } from "@/lib/name";

export interface ScorerChoice {
  scorer: string;
  name: string;
  options: JsonObject;
  optionsWrong: boolean;
}

export interface RuleForm {
  name: string;
  kind: "online" | "schedule";
  description: string;
  app: string;
  environment: string;
  q: string;
  /** In per cent. */
  share: string;
  /** US dollars: a day for a rule, a run for a schedule. */
  budget: string;
  scorers: ScorerChoice[];
  suite: string;
  subject: string;
  hours: string;
  against: string;
  alone: boolean;
}

/** As the server tells it: what has a default may be left out. */
type Told = Partial<Omit<OnlineSpec, "kind">> & Partial<Omit<ScheduleSpec, "kind">>;

export const choice = (scorer: string, name = "", options: JsonObject = {}): ScorerChoice => ({
  scorer,
  name,
  options,
  optionsWrong: false,
});

export function formOf(rule: RuleView | undefined): RuleForm {
  const spec: Told = rule?.spec ?? {};
  const kind = rule?.kind ?? "online";
  return {
    name: rule?.name ?? "",
    kind,
    description: spec.description ?? "",
    app: spec.app ?? "",
    environment: spec.environment ?? "",
    q: spec.q ?? "",
    share: String(Number((100 * (spec.share ?? 0.05)).toPrecision(12))),
    budget: spec.budget ?? (kind === "online" ? "1" : ""),
    scorers: (spec.scorers ?? []).map((each) =>
      choice(each.scorer, each.name ?? "", (each.options ?? {}) as JsonObject),
    ),
    suite: spec.suite ?? "",
    subject: spec.subject ?? "",
    hours: String(spec.every_hours ?? 24),
    against: spec.against ?? "",
    alone: spec.alone ?? false,
  };
}

export type NewSpec =
  | (Partial<Omit<OnlineSpec, "scorers">> &
      Pick<OnlineSpec, "kind"> & { scorers: { scorer: string; name: string; options: JsonObject }[] })
  | (Partial<ScheduleSpec> & Pick<ScheduleSpec, "kind">);
export type Wrong = Partial<Record<keyof RuleForm, string>>;

const DOLLARS = /^\d+(\.\d+)?$/;

/** The rule as the API takes it, and what is wrong by field. */
export function read(form: RuleForm): { spec: NewSpec; wrong: Wrong } {
  const wrong: Wrong = {};
  const named = badName(form.name);
  if (named) wrong.name = named;
  const number = (field: "share" | "hours", above: number, most: number): number => {
    const value = Number(form[field].trim().replace(",", "."));
    if (form[field].trim() === "" || !Number.isFinite(value)) wrong[field] = "This is not a number.";
    else if (value < above || value > most) wrong[field] = `From ${above} to ${most}.`;
    return value;
  };
  const budget = form.budget.trim();
  if (!DOLLARS.test(budget) && !(budget === "" && form.kind === "schedule")) wrong.budget = "US dollars, such as 0.50.";
  const description = form.description.trim();
  if (form.kind === "schedule") {
    if (!form.suite) wrong.suite = "Which suite?";
    if (!form.subject.trim()) wrong.subject = "What is it put to?";
    return {
      spec: {
        kind: "schedule",
        suite: form.suite,
        subject: form.subject.trim(),
        every_hours: number("hours", 1, 8760),
        against: form.alone ? "" : form.against.trim(),
        alone: form.alone,
        budget,
        description,
      },
      wrong,
    };
  }
  if (form.scorers.length === 0) wrong.scorers = "Which scorers look at the answers?";
  else if (form.scorers.some((each) => each.optionsWrong)) wrong.scorers = "An option of a scorer is wrong.";
  return {
    spec: {
      kind: "online",
      scorers: form.scorers.map(({ scorer, name, options }) => ({ scorer, name: name.trim(), options })),
      app: form.app.trim(),
      environment: form.environment.trim(),
      q: form.q.trim(),
      share: Number((number("share", 0.0001, 100) / 100).toPrecision(12)),
      budget,
      description,
    },
    wrong,
  };
}

/** In one line, for the list. */
export function ruleWords({ kind, spec }: Pick<RuleView, "kind" | "spec">): string {
  const told: Told = spec;
  if (kind === "schedule") {
    const against = told.alone ? "" : told.against ? `, against ${told.against}` : "";
    return `${told.suite} on ${told.subject} every ${told.every_hours ?? 24} h${against}`;
  }
  const where = [told.app, told.environment, told.q].filter(Boolean).join(", ") || "all answers";
  const share = Number((100 * (told.share ?? 0.05)).toPrecision(3));
  return `${(told.scorers ?? []).map((each) => each.name || each.scorer).join(", ")}: ${share} % of ${where}`;
}
