/** What holds for the calls of one name while it is edited: numbers as typed. The server has the last word. */

import type { CallPolicyBody, CallPolicyView } from "@/api/types";

export type CacheMode = "exact" | "semantic";
export type CacheScope = "" | "project" | "key" | "user";

export interface CallPolicyForm {
  name: string;
  cache: boolean;
  mode: CacheMode;
  minutes: string;
  /** Empty: as the mode has it by default. */
  scope: CacheScope;
  sampled: boolean;
  threshold: string;
  context: boolean;
  maxTokens: string;
  keepTurns: string;
  deduplicate: boolean;
  toolTokens: string;
  oldTokens: string;
}

type Numbers = "minutes" | "threshold" | "maxTokens" | "keepTurns" | "toolTokens" | "oldTokens";

const written = (value: number | null | undefined) => (value === null || value === undefined ? "" : String(value));

/** The server leaves out what is as by default. */
export function formOf(policy: CallPolicyView | undefined): CallPolicyForm {
  const cache: Partial<NonNullable<CallPolicyView["cache"]>> = policy?.cache ?? {};
  const context: Partial<NonNullable<CallPolicyView["context"]>> = policy?.context ?? {};
  return {
    name: policy?.name ?? "",
    cache: policy ? policy.cache !== null : true,
    mode: cache.mode ?? "exact",
    minutes: String((cache.ttl_s ?? 3600) / 60),
    scope: cache.scope ?? "",
    sampled: cache.sampled ?? false,
    threshold: written(cache.threshold),
    context: Boolean(policy?.context),
    maxTokens: written(context.max_tokens),
    keepTurns: String(context.keep_turns ?? 2),
    deduplicate: context.deduplicate ?? false,
    toolTokens: written(context.tool_result_tokens),
    oldTokens: written(context.old_turn_tokens),
  };
}

const WHOLE = /^\d{1,9}$/;

/** What is wrong, by field; empty when it may be sent. */
export function check(form: CallPolicyForm): Partial<Record<Numbers | "name" | "off", string>> {
  const wrong: ReturnType<typeof check> = {};
  if (!form.name.trim()) wrong.name = "The name that clients call.";
  if (!form.cache && !form.context) wrong.off = "Switch one of both on, or remove the policy.";
  if (form.cache) {
    const minutes = Number(form.minutes);
    if (!form.minutes.trim() || !(minutes > 0)) wrong.minutes = "Minutes above 0.";
    const least = Number(form.threshold);
    if (form.mode === "semantic" && form.threshold.trim() && !(least >= 0.5 && least <= 1))
      wrong.threshold = "From 0.5 to 1.";
  }
  if (form.context) {
    if (!WHOLE.test(form.keepTurns.trim())) wrong.keepTurns = "A whole number.";
    for (const each of ["maxTokens", "toolTokens", "oldTokens"] as const)
      if (form[each].trim() && !WHOLE.test(form[each].trim())) wrong[each] = "A whole number, or nothing.";
  }
  return wrong;
}

const counted = (text: string) => (text.trim() ? Number(text) : null);

export function bodyOf(form: CallPolicyForm): CallPolicyBody {
  return {
    cache: form.cache
      ? {
          mode: form.mode,
          ttl_s: Number(form.minutes) * 60,
          scope: form.scope || null,
          sampled: form.sampled,
          threshold: form.mode === "semantic" ? counted(form.threshold) : null,
        }
      : null,
    context: form.context
      ? {
          max_tokens: counted(form.maxTokens),
          keep_turns: Number(form.keepTurns),
          deduplicate: form.deduplicate,
          tool_result_tokens: counted(form.toolTokens),
          old_turn_tokens: counted(form.oldTokens),
        }
      : null,
  };
}

/** Where the server's refusal belongs, by the field it names. */
export function fieldOf(param: string | null | undefined): Numbers | "name" | undefined {
  const known: Record<string, Numbers | "name"> = {
    name: "name",
    ttl_s: "minutes",
    threshold: "threshold",
    max_tokens: "maxTokens",
    keep_turns: "keepTurns",
    tool_result_tokens: "toolTokens",
    old_turn_tokens: "oldTokens",
  };
  return known[(param ?? "").split(".").at(-1) ?? ""];
}

const SHARED: Record<CacheScope, string> = {
  "": "",
  project: "shared by the project",
  key: "for each key",
  user: "for each key and user",
};

/** What it says of the cache, for a table; empty where it is off. */
export function cacheWords(policy: CallPolicyView): string {
  if (!policy.cache) return "";
  const form = formOf(policy);
  const parts = [form.mode === "exact" ? "the same request" : "the same meaning", `${form.minutes} min`];
  if (form.threshold) parts.push(`from ${form.threshold}`);
  if (form.scope) parts.push(SHARED[form.scope]);
  if (form.sampled) parts.push("sampled answers too");
  return parts.join(", ");
}

/** What it says of conversations; empty where they stay as they are. */
export function contextWords(policy: CallPolicyView): string {
  if (!policy.context) return "";
  const form = formOf(policy);
  const parts: string[] = [];
  if (form.maxTokens) parts.push(`at most ${form.maxTokens} tokens`);
  if (form.toolTokens) parts.push(`tools' results to ${form.toolTokens}`);
  if (form.oldTokens) parts.push(`old turns to ${form.oldTokens}`);
  if (form.deduplicate) parts.push("repeated texts once");
  parts.push(form.keepTurns === "1" ? "the last turn whole" : `the last ${form.keepTurns} turns whole`);
  return parts.join(", ");
}
