/** A limit while it is edited: text as typed, and what it becomes. The server has the last word on what is allowed. */

import type { LimitBody, LimitView } from "@/api/types";
import { parseUsd } from "@/lib/money";

export type Measure = LimitView["measure"];
export type LimitWindow = LimitView["window"];
export type Dimension = LimitView["per"][number];

export const MEASURES: { value: Measure; label: string }[] = [
  { value: "money", label: "Money (US dollars)" },
  { value: "requests", label: "Requests" },
  { value: "tokens", label: "Tokens" },
  { value: "concurrency", label: "Calls at once" },
];
export const WINDOWS: { value: LimitWindow; label: string }[] = [
  { value: "minute", label: "each minute" },
  { value: "hour", label: "each hour" },
  { value: "day", label: "each day" },
  { value: "week", label: "each week" },
  { value: "month", label: "each month" },
  { value: "rolling_minute", label: "in any minute" },
  { value: "rolling_hour", label: "in any hour" },
  { value: "rolling_day", label: "in any day" },
  { value: "rolling_week", label: "in any week" },
  { value: "rolling_month", label: "in any 30 days" },
];
export const DIMENSIONS: Dimension[] = ["key", "app", "feature", "user", "model", "provider"];

export interface LimitForm {
  name: string;
  measure: Measure;
  bound: string;
  window: LimitWindow;
  timezone: string;
  mode: LimitView["mode"];
  per: Dimension[];
  scope: Record<Dimension, string[]>;
  unknownPrice: LimitView["unknown_price"];
  unknownAmount: string;
  headers: boolean;
}

export function formOf(limit: LimitView | undefined): LimitForm {
  const scope = Object.fromEntries(DIMENSIONS.map((each) => [each, limit?.scope[each] ?? []]));
  return {
    name: limit?.name ?? "",
    measure: limit?.measure ?? "money",
    bound: limit?.bound ?? "",
    window: limit && limit.window !== "none" ? limit.window : "month",
    timezone: limit?.timezone ?? "UTC",
    mode: limit?.mode ?? "hard",
    per: limit?.per ?? [],
    scope: scope as Record<Dimension, string[]>,
    unknownPrice: limit?.unknown_price ?? "refuse",
    unknownAmount: limit?.unknown_amount ?? "0",
    headers: limit?.headers ?? false,
  };
}

/** What is wrong, by field; empty when it may be sent. */
export function check(form: LimitForm): Partial<Record<"name" | "bound" | "unknownAmount", string>> {
  const wrong: ReturnType<typeof check> = {};
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(form.name)) wrong.name = "Lower-case letters, digits, '.', '_' and '-'.";
  const amount = form.bound.trim();
  if (form.measure === "money") {
    const value = parseUsd(amount);
    if (value === null || value <= 0n) wrong.bound = "US dollars, for example 25 or 0.50.";
  } else if (!/^[1-9]\d{0,17}$/.test(amount)) {
    wrong.bound = "A whole number above 0.";
  }
  if (form.measure === "money" && form.unknownPrice === "amount") {
    const value = parseUsd(form.unknownAmount);
    if (value === null || value < 0n) wrong.unknownAmount = "US dollars for each such call.";
  }
  return wrong;
}

/** The rule to send. ``limit`` is the one being changed: what this form does not show stays as it is. */
export function bodyOf(form: LimitForm, limit: LimitView | undefined): LimitBody {
  return {
    measure: form.measure,
    bound: form.bound.trim(),
    window: form.measure === "concurrency" ? "none" : form.window,
    timezone: form.timezone.trim() || "UTC",
    scope: form.scope,
    per: form.per,
    mode: form.mode,
    unknown_price: form.unknownPrice,
    unknown_amount: form.unknownAmount.trim() || "0",
    catalog_down: limit?.catalog_down ?? null,
    max_output: limit?.max_output ?? 8192,
    cap_output: limit?.cap_output ?? true,
    headers: form.headers,
  };
}

interface Known {
  name: string;
  provider: string;
  price: { known: boolean };
}

/** Models that a limit of money refuses whatever is left of it, because nobody knows what a call of them costs. */
export function refusedModels(form: LimitForm, models: readonly Known[]): string[] {
  if (form.measure !== "money" || form.mode !== "hard" || form.unknownPrice !== "refuse") return [];
  const meets = (listed: readonly string[], value: string) => listed.length === 0 || listed.includes(value);
  return models
    .filter((each) => meets(form.scope.model, each.name) && meets(form.scope.provider, each.provider))
    .filter((each) => !each.price.known)
    .map((each) => each.name);
}
