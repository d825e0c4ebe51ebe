/** A resilience policy in words, and where it departs from the default. */

import type { Policy, ResilienceView } from "@/api/types";

export interface PolicyLine {
  label: string;
  text: string;
  /** Not as by default. */
  own: boolean;
}

const seconds = (value: number) => `${value} s`;
const share = (value: number) => `${Number((100 * value).toFixed(1))} %`;

function repeats({ retries }: Policy): string {
  const { connection, timeout, server, rate_limited, broken } = retries;
  return `not reached ${connection}, no token in time ${timeout} (streams only), 5xx ${server}, rate limited ${rate_limited}, broken answer ${broken}`;
}

function breaker({ breaker: b }: Policy): string {
  return `opens after ${b.failures_in_a_row} failures in a row, or ${share(b.failure_rate)} of at least ${b.min_calls} attempts in ${seconds(b.window_s)}; stays open ${seconds(b.open_s)}, doubled up to ${seconds(b.max_open_s)}; then ${b.probes} at a time try`;
}

function hedge({ hedge: h }: Policy): string {
  if (!h) return "off";
  const when = [
    h.after_ms !== null && `${h.after_ms} ms`,
    h.after === "p95" && "the 95th percentile of its last answers",
  ].filter(Boolean);
  return `asks a second target after ${when.join(" or ")}, for at most ${share(h.max_extra_ratio)} of calls`;
}

function concurrency({ concurrency: c }: Policy): string {
  if (!c) return "not bounded";
  return `${c.limit} at a time from each worker; ${c.queue} more may wait, each up to ${seconds(c.max_wait_s)}`;
}

const LINES: [string, (policy: Policy) => string][] = [
  ["Attempts", (p) => `at most ${p.attempts} in all for one call`],
  ["Repeats at one target", repeats],
  ["Pause before a repeat", (p) => `at random up to ${p.backoff_ms} ms, doubled up to ${p.max_backoff_ms} ms`],
  ["Budget of repeats", (p) => `${p.retry_ratio} for each call and ${p.retry_per_s} a second`],
  ["Provider's rate limit", (p) => `waited for if it ends within ${seconds(p.limit_wait_s)}`],
  [
    "Deadline",
    (p) => (p.deadline_s === null ? "none, unless the call has one" : `${seconds(p.deadline_s)} for a call`),
  ],
  ["Breaker", breaker],
  ["Hedging", hedge],
  ["Concurrency", concurrency],
];

export function linesOf(policy: Policy, defaults: Policy): PolicyLine[] {
  return LINES.map(([label, say]) => ({ label, text: say(policy), own: say(policy) !== say(defaults) }));
}

export interface InForce {
  policy: Policy;
  own: ResilienceView | undefined;
}

/** A model's own policy replaces its provider's whole, which replaces the default. */
export function inForce(
  all: { items: ResilienceView[]; defaults: Policy },
  subject: ResilienceView["subject"],
  name: string,
): InForce {
  const own = all.items.find((item) => item.subject === subject && item.name === name);
  return { policy: own?.policy ?? all.defaults, own };
}

/** What would hold for a model without a policy of its own, with its own where there is one. */
export function policyOf(
  all: { items: ResilienceView[]; defaults: Policy },
  subject: ResilienceView["subject"],
  name: string,
  provider: string,
): InForce {
  const here = inForce(all, subject, name);
  return here.own || subject === "provider"
    ? here
    : { policy: inForce(all, "provider", provider).policy, own: undefined };
}

export interface Tuned {
  subject: ResilienceView["subject"];
  name: string;
  provider: string;
}

/** Whose policy the address wants edited, `provider:lab` or `model:fast`: what is not there, or is the config file's, is
 * nobody's. */
export function tunedOf(
  text: string | undefined,
  providers: readonly { name: string; source: string }[],
  models: readonly { name: string; source: string; provider: string }[],
): Tuned | null {
  const [subject, ...rest] = (text ?? "").split(":");
  const name = rest.join(":");
  if (subject === "provider") {
    const found = providers.find((each) => each.name === name && each.source === "catalog");
    return found ? { subject, name, provider: name } : null;
  }
  if (subject !== "model") return null;
  const found = models.find((each) => each.name === name && each.source === "catalog");
  return found ? { subject, name, provider: found.provider } : null;
}
