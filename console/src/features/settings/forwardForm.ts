/** A destination of closed traces as fields to fill in. */

import type { ForwardPatch, ForwardTest, ForwardView, NewForward } from "@/api/types";
import { GIVE_AGAIN, leadsElsewhere } from "@/lib/address";

export type Kind = ForwardView["kind"];
export type Content = ForwardView["content"];

export interface ForwardForm {
  name: string;
  kind: Kind;
  url: string;
  content: Content;
  filter: string;
  /** Percent of the traces. */
  share: string;
  quiet: string;
  rootWait: string;
  enabled: boolean;
  /** `Name: value` lines, kept values as dots: headers, or a Kafka client's options. */
  headers: string;
  options: string;
  /** What was typed now; the one that is kept is never here. */
  secret: string;
}

/** What the server shows a value that it keeps as, some of them; sent back, the value stays. */
const DOT = "•";

interface About {
  label: string;
  /** What is sent, and how. */
  about: string;
  address: string;
  placeholder: string;
}

export const KINDS: Record<Kind, About> = {
  otlp: {
    label: "OpenTelemetry collector",
    about: "Spans as OTLP over HTTP: to a collector, Langfuse, Jaeger, Datadog or another Trimtab.",
    address: "What is posted to, whole; most end in /v1/traces. Keys belong into the headers.",
    placeholder: "https://collector.example.com/v1/traces",
  },
  webhook: {
    label: "Webhook",
    about: "One JSON event for each closed trace, signed as Standard Webhooks has it.",
    address: "What is posted to, whole. It has 30 seconds to answer with 2xx.",
    placeholder: "https://hooks.example.com/trimtab",
  },
  kafka: {
    label: "Kafka",
    about: "The same JSON as a webhook's, to a topic; the key is the trace id.",
    address: "Brokers and topic.",
    placeholder: "kafka://broker-1:9092,broker-2:9092/closed-traces",
  },
};

export const CONTENTS: { value: Content; label: string }[] = [
  { value: "off", label: "None" },
  { value: "previews", label: "Previews (200 characters)" },
  { value: "full", label: "All" },
];

const linesOf = (values: Record<string, string>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");

/** Percent without the noise of binary fractions. */
const percent = (share: number): string => String(Number((share * 100).toPrecision(12)));

export function formOf(to: ForwardView | undefined): ForwardForm {
  return {
    name: to?.name ?? "",
    kind: to?.kind ?? "otlp",
    url: to?.url ?? "",
    content: to?.content ?? "off",
    filter: to?.filter ?? "",
    share: percent(to?.sample ?? 1),
    quiet: String(to?.quiet_s ?? 10),
    rootWait: String(to?.root_wait_s ?? 120),
    enabled: to?.enabled ?? true,
    headers: linesOf(to?.headers ?? {}),
    options: linesOf(to?.options ?? {}),
    secret: "",
  };
}

/** `Name: value` lines, of a certificate its line ends as \n; the first line that is not of that form instead. */
export function pairsOf(text: string): Record<string, string> | string {
  const found: Record<string, string> = {};
  for (const line of text.split("\n")) {
    if (!line.trim()) continue;
    const [, name, value] = /^\s*([^\s:]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (!name || value === undefined || name in found) return line.trim();
    found[name] = name.endsWith(".pem") ? value.replaceAll("\\n", "\n") : value;
  }
  return found;
}

export type ForwardWrong = Partial<Record<keyof ForwardForm, string>>;

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const isNumber = (text: string, low: number, high: number): boolean =>
  text.trim() !== "" && Number(text) >= low && Number(text) <= high;

function badPairs(text: string, kept: Record<string, string>): string {
  const pairs = pairsOf(text);
  if (typeof pairs === "string")
    return `One for each line, as name: value, each name once; not “${pairs.slice(0, 60)}”.`;
  const unknown = Object.entries(pairs).find(([name, value]) => value.includes(DOT) && kept[name] !== value);
  return unknown ? `No value of ${unknown[0]} is kept: type it.` : "";
}

function badAddress(form: ForwardForm): string {
  const url = form.url.trim();
  if (form.kind === "kafka") {
    return /^kafka:\/\/[^/\s]+\/[A-Za-z0-9._-]+$/.test(url) ? "" : `An address such as ${KINDS.kafka.placeholder}.`;
  }
  return /^https?:\/\/[^\s/]+/.test(url) ? "" : `An address such as ${KINDS[form.kind].placeholder}.`;
}

/** Of a Kafka client: what nobody else may have, and what decides who may read it on its way. */
const KAFKA_SECRETS = ["sasl.password", "ssl.key.pem", "ssl.key.password"];
const PROTECTING = [
  "security.protocol",
  "sasl.mechanism",
  "sasl.mechanisms",
  "ssl.ca.pem",
  "enable.ssl.certificate.verification",
  "ssl.endpoint.identification.algorithm",
];

/** What is kept and would be sent somewhere else than it was given for, by field. */
function badKept(form: ForwardForm, before: ForwardView): ForwardWrong {
  const moved = leadsElsewhere(before.url, form.url.trim());
  const options = paired(form.options);
  const plainer = form.kind === "kafka" && PROTECTING.some((name) => options[name] !== before.options[name]);
  if (!moved && !plainer) return {};
  const wrong: ForwardWrong = {};
  const kept = (pairs: Record<string, string>, among?: string[]) =>
    Object.keys(pairs).find((name) => (among?.includes(name) ?? true) && pairs[name]?.includes(DOT));
  const again = (name: string) => `${name}: ${GIVE_AGAIN.replace("It", "it")} Or remove the line.`;
  const [header, option] = [kept(paired(form.headers)), kept(options, KAFKA_SECRETS)];
  if (form.kind === "kafka") return option ? { options: again(option) } : {};
  if (header) wrong.headers = again(header);
  if (form.kind === "webhook" && !form.secret.trim()) wrong.secret = `${GIVE_AGAIN} Or make another.`;
  return wrong;
}

/** What is wrong, by field; the server looks again. */
export function check(form: ForwardForm, before: ForwardView | undefined): ForwardWrong {
  const wrong: ForwardWrong = {};
  if (!NAME.test(form.name.trim())) wrong.name = "Up to 63 of a-z 0-9 . _ -, beginning with a letter or digit.";
  const address = badAddress(form);
  if (address) wrong.url = address;
  if (!isNumber(form.share, 0, 100)) wrong.share = "A number from 0 to 100.";
  if (!isNumber(form.quiet, 1, 3_600)) wrong.quiet = "Seconds, from 1 to 3,600.";
  if (!isNumber(form.rootWait, 1, 86_400)) wrong.rootWait = "Seconds, from 1 to 86,400.";
  else if (!wrong.quiet && Number(form.rootWait) < Number(form.quiet))
    wrong.rootWait = "At least as long as a trace has to be quiet.";
  const pairs =
    form.kind === "kafka"
      ? badPairs(form.options, before?.options ?? {})
      : badPairs(form.headers, before?.headers ?? {});
  if (pairs) wrong[form.kind === "kafka" ? "options" : "headers"] = pairs;
  const secret = form.secret.trim();
  if (form.kind === "webhook" && (secret ? secret.length < 16 : !before))
    wrong.secret = "A webhook is signed with 16 to 500 characters: type them, or make some.";
  return before ? { ...badKept(form, before), ...wrong } : wrong;
}

const paired = (text: string): Record<string, string> => {
  const pairs = pairsOf(text);
  return typeof pairs === "string" ? {} : pairs;
};

function plainOf(form: ForwardForm) {
  return {
    url: form.url.trim(),
    content: form.content,
    filter: form.filter.trim(),
    sample: Number((Number(form.share) / 100).toPrecision(12)),
    quiet_s: Number(form.quiet),
    root_wait_s: Number(form.rootWait),
    enabled: form.enabled,
  };
}

/** All of it, and of what only some kinds have that of its own. */
export function newForwardOf(form: ForwardForm): NewForward {
  const own: Partial<NewForward> =
    form.kind === "kafka" ? { options: paired(form.options) } : { headers: paired(form.headers) };
  if (form.kind === "webhook") own.secret = form.secret.trim();
  return { name: form.name.trim(), kind: form.kind, ...plainOf(form), ...own };
}

/** Only what was changed is sent: what is kept and was left alone stays. */
export function patchOf(form: ForwardForm, before: ForwardForm): ForwardPatch {
  const [now, then] = [plainOf(form), plainOf(before)];
  const names = Object.keys(now) as (keyof typeof now)[];
  const out: ForwardPatch = Object.fromEntries(
    names.filter((name) => now[name] !== then[name]).map((name) => [name, now[name]]),
  );
  if (form.headers !== before.headers) out.headers = paired(form.headers);
  if (form.options !== before.options) out.options = paired(form.options);
  if (form.secret.trim()) out.secret = form.secret.trim();
  return out;
}

/** A secret that a webhook can be signed with. */
export function madeSecret(): string {
  return `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))}`;
}

/** What came of a test, and whether it is well. */
export function testWords(test: ForwardTest): { well: boolean; words: string } {
  const status = test.status ? ` (${test.status})` : "";
  if (test.verdict === "delivered")
    return { well: true, words: test.problem ? `Delivered${status}, but: ${test.problem}` : `Delivered${status}.` };
  const verdict = {
    refused: "Refused",
    faulty: "It failed on this",
    away: test.status ? "It takes nothing now" : "It was not reached",
  }[test.verdict];
  return { well: false, words: `${verdict}${status}: ${test.problem || "it says no more."}` };
}
