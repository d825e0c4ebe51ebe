/** What a run may be bounded by, as it is typed. */

import type { NewExperiment } from "@/api/evaluationTypes";
import { parseUsd } from "@/lib/money";

export interface RunForm {
  cases: string;
  budget: string;
}

/** By field; empty where it may be run. */
export function wrongBounds(form: RunForm): Partial<Record<keyof RunForm, string>> {
  const wrong: ReturnType<typeof wrongBounds> = {};
  if (form.cases.trim() !== "" && !/^[1-9]\d{0,5}$/.test(form.cases.trim()))
    wrong.cases = "A whole number above 0, or nothing for all.";
  const budget = parseUsd(form.budget);
  if (form.budget.trim() !== "" && (budget === null || budget <= 0n))
    wrong.budget = "US dollars, for example 25 or 0.50.";
  return wrong;
}

/** Only what is said: the suite's own hold for the rest. */
export function bounds(form: RunForm): Pick<NewExperiment, "cases" | "budget"> {
  return {
    ...(form.cases.trim() ? { cases: Number(form.cases) } : {}),
    ...(form.budget.trim() ? { budget: form.budget.trim() } : {}),
  };
}
