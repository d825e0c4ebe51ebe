/** A resilience policy while it is edited: numbers as typed. The server knows what is allowed and says so by field. */

import type { Policy } from "@/api/types";

export interface Field {
  /** Where it is in the policy, as the server names it: `retries.timeout`. */
  path: string;
  label: string;
  unit?: string;
}

export interface Group {
  title: string;
  about?: string;
  /** A part that may be missing as a whole. */
  part?: "hedge" | "concurrency";
  fields: Field[];
}

export const GROUPS: Group[] = [
  {
    title: "Attempts",
    fields: [
      { path: "attempts", label: "Attempts of one call" },
      { path: "deadline_s", label: "Deadline", unit: "s" },
      { path: "limit_wait_s", label: "Wait for a rate limit", unit: "s" },
    ],
  },
  {
    title: "Repeats at one target",
    about: "How many times after each kind of failure.",
    fields: [
      { path: "retries.connection", label: "Not reached" },
      { path: "retries.timeout", label: "No token in time" },
      { path: "retries.server", label: "5xx" },
      { path: "retries.rate_limited", label: "Rate limited" },
      { path: "retries.broken", label: "Broken answer" },
      { path: "backoff_ms", label: "First pause", unit: "ms" },
      { path: "max_backoff_ms", label: "Longest pause", unit: "ms" },
      { path: "retry_ratio", label: "Repeats for each call" },
      { path: "retry_per_s", label: "Repeats a second" },
    ],
  },
  {
    title: "Breaker",
    fields: [
      { path: "breaker.failures_in_a_row", label: "Failures in a row" },
      { path: "breaker.failure_rate", label: "Share of failures" },
      { path: "breaker.min_calls", label: "Of at least so many" },
      { path: "breaker.window_s", label: "Within", unit: "s" },
      { path: "breaker.open_s", label: "Open for", unit: "s" },
      { path: "breaker.max_open_s", label: "At most", unit: "s" },
      { path: "breaker.probes", label: "Calls that try again" },
    ],
  },
  {
    title: "Hedging",
    about: "Ask a second target when the first is slow; the first token wins.",
    part: "hedge",
    fields: [
      { path: "hedge.after_ms", label: "After", unit: "ms" },
      { path: "hedge.max_extra_ratio", label: "Share of calls at most" },
    ],
  },
  {
    title: "Concurrency",
    about: "Calls at a time from each worker; others wait.",
    part: "concurrency",
    fields: [
      { path: "concurrency.limit", label: "At a time" },
      { path: "concurrency.queue", label: "May wait" },
      { path: "concurrency.max_wait_s", label: "Wait at most", unit: "s" },
    ],
  },
];

export interface PolicyForm {
  hedge: boolean;
  /** Hedge after the 95th percentile of the target's last answers. */
  p95: boolean;
  concurrency: boolean;
  values: Record<string, string>;
}

const EMPTY_IS_NONE = new Set(["deadline_s", "hedge.after_ms"]);
const FRESH: Record<string, string> = {
  "hedge.after_ms": "",
  "hedge.max_extra_ratio": "0.05",
  "concurrency.limit": "8",
  "concurrency.queue": "1000",
  "concurrency.max_wait_s": "30",
};

function at(policy: Policy, path: string): unknown {
  let value: unknown = policy;
  for (const name of path.split(".")) value = (value as Record<string, unknown> | null)?.[name];
  return value;
}

export function formOf(policy: Policy): PolicyForm {
  const values: Record<string, string> = {};
  for (const { path } of GROUPS.flatMap((group) => group.fields)) {
    const value = at(policy, path);
    values[path] = typeof value === "number" ? String(value) : (FRESH[path] ?? "");
  }
  return {
    hedge: policy.hedge !== null,
    p95: policy.hedge === null || policy.hedge.after === "p95",
    concurrency: policy.concurrency !== null,
    values,
  };
}

const inUse = (form: PolicyForm) => GROUPS.filter((group) => !group.part || form[group.part]);

/** What is not a number, by field, and a hedge that never comes. */
export function check(form: PolicyForm): Record<string, string> {
  const wrong: Record<string, string> = {};
  for (const { path } of inUse(form).flatMap((group) => group.fields)) {
    const text = (form.values[path] ?? "").trim();
    if (text === "" && EMPTY_IS_NONE.has(path)) continue;
    if (text === "" || !Number.isFinite(Number(text))) wrong[path] = "A number, for example 1.5.";
  }
  if (form.hedge && !form.p95 && (form.values["hedge.after_ms"] ?? "").trim() === "")
    wrong["hedge.after_ms"] = "Say after how long, or after the 95th percentile.";
  return wrong;
}

/** What is sent: the policy, whole. */
export function policyOf(form: PolicyForm): Record<string, unknown> {
  const policy: Record<string, unknown> = { hedge: null, concurrency: null };
  for (const { path } of inUse(form).flatMap((group) => group.fields)) {
    const text = (form.values[path] ?? "").trim();
    const [first = "", second] = path.split(".");
    const value = text === "" ? null : Number(text);
    if (second === undefined) policy[first] = value;
    else policy[first] = { ...(policy[first] as object | null), [second]: value };
  }
  if (form.hedge) policy.hedge = { ...(policy.hedge as object), after: form.p95 ? "p95" : null };
  return policy;
}

/** The field that a refusal is about; it may name the part that a field is of. */
export function fieldOf(param: string | null): string | undefined {
  if (!param) return undefined;
  const paths = GROUPS.flatMap((group) => group.fields).map((field) => field.path);
  return paths.find((path) => path === param) ?? paths.find((path) => path.startsWith(`${param}.`));
}
