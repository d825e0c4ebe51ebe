/** How an environment moves to a release, as fields to fill in. */

import type { Plan, RolloutKind, Segment, Step } from "@/api/releaseTypes";

export interface StepForm {
  /** Percent. */
  share: string;
  minutes: string;
  samples: string;
}
export const DIMENSIONS = ["user", "session", "tags", "key"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export interface PlanForm {
  kind: RolloutKind;
  steps: StepForm[];
  share: string;
  sticky: NonNullable<Plan["sticky"]>;
  budget: string;
  segment: Record<Dimension, string[]>;
  /** `name: value`, a line each. */
  metadata: string;
  /** JSON as the API takes it; empty for the defaults. */
  rules: string;
}
export type PlanErrors = Partial<Record<"steps" | "share" | "budget" | "segment" | "rules", string>>;

/** What the server does too where a canary names no steps. */
export const DEFAULT_STEPS: StepForm[] = [
  { share: "5", minutes: "10", samples: "100" },
  { share: "25", minutes: "30", samples: "300" },
  { share: "50", minutes: "60", samples: "500" },
];

/** An environment in which nothing runs has nothing to compare with: there it can only be at once. */
export const firstPlan = (empty: boolean): PlanForm => ({
  kind: empty ? "direct" : "canary",
  steps: DEFAULT_STEPS,
  share: "50",
  sticky: "user",
  budget: "5",
  segment: { user: [], session: [], tags: [], key: [] },
  metadata: "",
  rules: "",
});

const isNumber = (text: string) => text.trim() !== "" && Number.isFinite(Number(text)) && Number(text) >= 0;

export function check(form: PlanForm): PlanErrors {
  const errors: PlanErrors = {};
  if (form.kind === "canary") {
    const wrong = wrongSteps(form.steps);
    if (wrong) errors.steps = wrong;
  }
  if (form.kind === "ab" || form.kind === "shadow") {
    const most = form.kind === "ab" ? "below 100" : "at most 100";
    const share = Number(form.share);
    if (!isNumber(form.share) || share <= 0 || share > 100 || (form.kind === "ab" && share === 100))
      errors.share = `A share in percent, above 0 and ${most}.`;
  }
  if (form.kind === "shadow" && !/^\d{1,12}(\.\d{1,12})?$/.test(form.budget.trim()))
    errors.budget = "An amount such as 5 or 0.50: what the copies may cost in all.";
  if (form.kind === "segments" && Object.keys(segmentOf(form)).length === 0)
    errors.segment = "Say for whom it is: at least one value.";
  if (form.rules.trim() && rulesOf(form.rules) === undefined) errors.rules = "This is not JSON.";
  return errors;
}

function wrongSteps(steps: StepForm[]): string | undefined {
  if (steps.length === 0) return "A canary has at least one step.";
  if (!steps.every((step) => isNumber(step.share) && isNumber(step.minutes) && /^\d+$/.test(step.samples)))
    return "A step has a share in percent, minutes, and a whole number of calls.";
  const shares = steps.map((step) => Number(step.share));
  const grows = shares.every((share, i) => share > (shares[i - 1] ?? 0) && share <= 100);
  return grows ? undefined : "The shares grow from step to step, from above 0 to at most 100.";
}

function rulesOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const fraction = (percent: string) => Number((Number(percent) / 100).toPrecision(12));

function segmentOf(form: PlanForm): Segment {
  const segment: Segment = {};
  for (const name of DIMENSIONS) if (form.segment[name].length > 0) segment[name] = form.segment[name];
  const metadata: Record<string, string[]> = {};
  for (const line of form.metadata.split("\n")) {
    const [name, ...rest] = line.split(":");
    const value = rest.join(":").trim();
    if (name?.trim() && value) metadata[name.trim()] = [...(metadata[name.trim()] ?? []), value];
  }
  if (Object.keys(metadata).length > 0) segment.metadata = metadata;
  return segment;
}

const stepOf = (step: StepForm): Step => ({
  share: fraction(step.share),
  hold_s: 60 * Number(step.minutes),
  samples: Number(step.samples),
});

export function planOf(form: PlanForm): Plan {
  const plan: Plan = { kind: form.kind };
  if (form.kind === "direct") return plan;
  plan.sticky = form.sticky;
  if (form.kind === "canary") plan.steps = form.steps.map(stepOf);
  if (form.kind === "ab" || form.kind === "shadow") plan.share = fraction(form.share);
  if (form.kind === "shadow") plan.budget = form.budget.trim();
  if (form.kind === "segments") plan.segment = segmentOf(form);
  if (form.rules.trim()) plan.rules = rulesOf(form.rules);
  return plan;
}
