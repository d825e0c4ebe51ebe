/** What a rollout is, does and found, in words; figures in the unit they are in. */

import type { ArmValue, Evidence, Plan, RolloutKind, RolloutView, Segment } from "@/api/releaseTypes";
import { formatAgo, formatDateTime, formatInt, formatMs } from "@/lib/format";
import { formatMoney } from "@/lib/money";

export const KINDS: Record<RolloutKind, { label: string; what: string }> = {
  canary: { label: "Canary", what: "A growing share of the traffic; it goes on, or back, by what it finds." },
  direct: { label: "At once", what: "All of the traffic in one step. It can be taken back in a second." },
  ab: { label: "A/B", what: "A fixed split, until you or its rules decide." },
  shadow: { label: "Shadow", what: "Gets copies of calls. Its answers are recorded and nobody sees them." },
  segments: { label: "Segments", what: "Only some get it, such as your own people, until you promote it." },
};

/** A canary is what is meant where nothing is said. */
export const kindOf = (plan: Plan): RolloutKind => plan.kind ?? "canary";

export const STATES: Record<string, string> = {
  running: "running",
  held: "held",
  promoted: "promoted",
  rolled_back: "rolled back",
  stopped: "stopped",
};

const METRICS: Record<string, string> = {
  errors: "Failed calls",
  latency: "Typical duration",
  ttft: "Typical time to first token",
  cost: "Cost of a call",
  silent: "Silent failures",
  feedback: "User feedback",
  guard_block_rate: "Stopped by guards",
  guard_flag_rate: "Minded by guards",
};

export function metricName(metric: string): string {
  const known = METRICS[metric];
  if (known) return known;
  const bare = metric.replace(/^score:/, "").replaceAll("_", " ");
  return bare.charAt(0).toUpperCase() + bare.slice(1);
}

/** 12.3 %, 0.42 %: never more digits than tell something. */
export function percent(share: number, digits = 3): string {
  const value = 100 * share;
  if (value === 0) return "0 %";
  const decimals = Math.max(0, Math.min(3, digits - 1 - Math.floor(Math.log10(Math.abs(value)))));
  return `${trim(value.toFixed(decimals))} %`;
}

/** 50.0 is told as 50, and 99.750 as 99.75. */
const trim = (text: string) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

/** A level is never rounded up to certainty. */
export const levelWords = (level: number): string => `${trim((Math.floor(level * 1e4 + 1e-6) / 100).toFixed(2))} %`;

export function figure(value: number | null, unit: Evidence["unit"]): string {
  if (value === null) return "–";
  if (unit === "share") return percent(value);
  if (unit === "ms") return formatMs(value);
  if (unit === "currency") return formatMoney(String(value));
  return value.toPrecision(3);
}

/** With its sign; relative ones as a share of the stable arm's value. */
export function change(value: number | null, evidence: Evidence): string {
  if (value === null) return "–";
  const sign = value > 0 ? "+" : value < 0 ? "−" : "±";
  if (evidence.relative) return `${sign}${percent(Math.abs(value), 2)}`;
  if (evidence.unit === "share") return `${sign}${percent(Math.abs(value), 2).replace(" %", " points")}`;
  return `${sign}${figure(Math.abs(value), evidence.unit)}`;
}

export function range(low: number | null, high: number | null, print: (value: number | null) => string): string {
  if (low === null && high === null) return "not bounded yet";
  if (low === null) return `at most ${print(high)}`;
  return high === null ? `at least ${print(low)}` : `${print(low)} to ${print(high)}`;
}

export const armWords = (arm: ArmValue, unit: Evidence["unit"]): string =>
  arm.value === null
    ? "no observation yet"
    : `${figure(arm.value, unit)}, ${range(arm.low, arm.high, (value) => figure(value, unit))}, n ${formatInt(arm.n)}`;

export function seconds(total: number): string {
  if (total < 1) return "no time";
  if (total % 3600 === 0) return `${total / 3600} h`;
  return total % 60 === 0 ? `${total / 60} min` : formatMs(1000 * total).replace(/\.00? s$/, " s");
}

/** Whom calls are assigned by, so that the same one meets the same release. */
export const STICKY = {
  user: "The same user always meets the same release (without one: the same session).",
  session: "The same session always meets the same release.",
  request: "Each call is assigned by itself.",
} as const;

export function segmentWords(segment: Segment | null | undefined): string {
  if (!segment) return "nobody";
  const parts = (["user", "session", "tags", "key"] as const)
    .filter((name) => (segment[name] ?? []).length > 0)
    .map((name) => `${name === "tags" ? "tag" : name} ${(segment[name] ?? []).join(" or ")}`);
  const metadata = Object.entries(segment.metadata ?? {}).map(([name, values]) => `${name} ${values.join(" or ")}`);
  return [...parts, ...metadata].join(", and ");
}

export function planWords(plan: Plan): string {
  switch (kindOf(plan)) {
    case "direct":
      return "At once, for all of the traffic.";
    case "ab":
      return `${percent(plan.share ?? 0.5)} of the traffic, until somebody decides.`;
    case "shadow":
      return `Copies of ${percent(plan.share ?? 0.5)} of the calls, for at most ${formatMoney(plan.budget ?? "0")} in all; nobody sees the answers.`;
    case "segments":
      return `For ${segmentWords(plan.segment)}.`;
    default:
      return (plan.steps ?? []).map((step) => percent(step.share)).join(", then ");
  }
}

/** `Rolled back 3 min ago (2026-11-23 03:10:14) by the rollout controller, after 12 s.` */
export function endedWords(rollout: RolloutView, who: string, now: number): string {
  const ended = rollout.ended ?? rollout.updated;
  const did = STATES[rollout.state] ?? rollout.state;
  const when = `${did.charAt(0).toUpperCase()}${did.slice(1)} ${formatAgo(ended, now)} (${formatDateTime(ended)})`;
  const by = who ? ` by ${who === CONTROLLER ? `the ${CONTROLLER}` : who}` : "";
  const lasted = ended - rollout.started;
  const after = kindOf(rollout.plan) === "direct" ? "" : `, after ${lasted < 1 ? "no time" : formatMs(lasted)}`;
  return `${when}${by}${after}.`;
}

/** Who acts where nobody does. */
export const CONTROLLER = "rollout controller";

/** What answers since it went back, and how far it had come. */
export function callsAt(rollout: RolloutView): string {
  const [candidate, { stable }] = [`r${rollout.candidate}`, rollout];
  const steps = rollout.plan.steps ?? [];
  const at = kindOf(rollout.plan) === "canary" ? steps[rollout.step]?.share : rollout.plan.share;
  const had = at === undefined ? "" : ` ${candidate} had ${percent(at)} of them until then.`;
  const went =
    stable === null ? "Nothing ran there before, so that calls were refused" : `All calls went back to r${stable}`;
  return `${went} at once; ${candidate} finished what it had begun to answer.${had}`;
}

interface LookedAt {
  /** `failed calls` */
  label: string;
  /** Of the trace list's search. */
  key: string;
  value: string;
}

const LOOKED_AT: Record<string, LookedAt> = {
  errors: { label: "failed calls", key: "status", value: "error" },
  feedback: { label: "calls with feedback", key: "has", value: "feedback" },
  guard_block_rate: { label: "calls that guards stopped", key: "guard.action", value: "block" },
  guard_flag_rate: { label: "calls that guards minded", key: "guard.action", value: "flag" },
};

/** What of the candidate's calls shows what was found worse; the metrics that no search shows are left out. */
export function whatToLookAt(rollout: RolloutView): LookedAt[] {
  const worse = (rollout.evidence?.evidence ?? []).filter((each) => each.outcome === "worse");
  return worse.flatMap(({ metric }) => {
    if (!metric.startsWith("score:")) return LOOKED_AT[metric] ?? [];
    const name = metric.slice("score:".length);
    return [{ label: `calls with the score ${name}`, key: "has", value: `score.${name}` }];
  });
}
