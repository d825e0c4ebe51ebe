import type { NewProvider, ProviderKindView, ProviderPatch, ProviderView, TimeoutsBody } from "@/api/types";
import { GIVE_AGAIN, leadsElsewhere } from "@/lib/address";

export interface ProviderForm {
  name: string;
  kind: string;
  dialect: string;
  baseUrl: string;
  /** What was typed now; the one that is kept is never here. */
  apiKey: string;
  removeKey: boolean;
  headers: string;
  /** By name. Of secrets only what was typed now. */
  options: Record<string, string>;
  /** Secrets among the options that are kept, and stay unless they are typed anew or removed. */
  keptOptions: string[];
  timeouts: Record<keyof TimeoutsBody, string>;
}

export const DIALECTS = [
  { value: "openai_chat", label: "OpenAI Chat Completions" },
  { value: "anthropic_messages", label: "Anthropic Messages" },
];
export const TIMEOUTS: { key: keyof TimeoutsBody; label: string; standard: number }[] = [
  { key: "connect", label: "Connect", standard: 5 },
  { key: "first_token", label: "First token", standard: 120 },
  { key: "idle", label: "Between tokens", standard: 60 },
  { key: "total", label: "Whole attempt", standard: 600 },
];

/** What the server shows a value as that nobody may see. */
const DOT = "•";
const MASK = DOT.repeat(8);

export function formOf(provider: ProviderView | undefined, kind: ProviderKindView | undefined): ProviderForm {
  const times = Object.fromEntries(TIMEOUTS.map((t) => [t.key, String(provider?.timeouts[t.key] ?? t.standard)]));
  return {
    name: provider?.name ?? (kind && kind.name !== "custom" ? kind.name : ""),
    kind: provider?.kind ?? kind?.name ?? "custom",
    dialect: provider?.dialect ?? kind?.dialect ?? "openai_chat",
    baseUrl: provider?.base_url ?? kind?.base_url ?? "",
    apiKey: "",
    removeKey: false,
    headers: Object.entries(provider?.headers ?? {})
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n"),
    options: provider
      ? Object.fromEntries(Object.entries(provider.options).map(([name, value]) => [name, hidden(value) ? "" : value]))
      : optionsOf(kind),
    keptOptions: Object.entries(provider?.options ?? {}).flatMap(([name, value]) => (hidden(value) ? name : [])),
    timeouts: times as ProviderForm["timeouts"],
  };
}

const hidden = (value: string): boolean => value.includes(DOT);

/** `Name: value` lines; null where one is not of that form. */
export function parseHeaders(text: string): Record<string, string> | null {
  const out: Record<string, string> = {};
  for (const line of text.split("\n")) {
    if (!line.trim()) continue;
    const match = /^\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*:\s*(.*?)\s*$/.exec(line);
    if (!match?.[1]) return null;
    out[match[1]] = match[2] ?? "";
  }
  return out;
}

/** What of a kind has to be said in any case: what it demands, and what its address is made with. */
export const isNeeded = (kind: ProviderKindView, option: ProviderKindView["options"][number]): boolean =>
  option.required || kind.base_url.includes(`{${option.name}}`);

/** What a kind begins with. */
export const optionsOf = (kind: ProviderKindView | undefined): Record<string, string> =>
  Object.fromEntries((kind?.options ?? []).map((option) => [option.name, option.default]));

export type ProviderErrors = Partial<Record<"name" | "baseUrl" | "apiKey" | "headers" | keyof TimeoutsBody, string>>;

/** Whether the form sends it somewhere else than what is kept was given for. */
export const isMoved = (form: ProviderForm, before: ProviderView | undefined): boolean =>
  before !== undefined && leadsElsewhere(before.base_url, form.baseUrl.trim());

export function check(form: ProviderForm, managed: boolean, before?: ProviderView): ProviderErrors {
  const errors: ProviderErrors = {};
  if (!form.name.trim()) errors.name = "Give it a name.";
  if (!managed && !/^https?:\/\/[^\s/]+/.test(form.baseUrl.trim())) {
    errors.baseUrl = "An address such as https://api.example.com/v1.";
  }
  if (parseHeaders(form.headers) === null) errors.headers = "One header per line, as Name: value.";
  if (isMoved(form, before)) {
    if (before?.key_hint && !form.apiKey.trim() && !form.removeKey) errors.apiKey = `${GIVE_AGAIN} Or remove it.`;
    const kept = Object.entries(parseHeaders(form.headers) ?? {}).find(([, value]) => value.includes(DOT));
    if (kept) errors.headers = `${kept[0]}: it was given for the address before. Type it again, or remove the line.`;
  }
  for (const { key } of TIMEOUTS) if (!(Number(form.timeouts[key]) > 0)) errors[key] = "Seconds, more than 0.";
  return errors;
}

function timeoutsOf(form: ProviderForm): TimeoutsBody {
  return Object.fromEntries(TIMEOUTS.map((t) => [t.key, Number(form.timeouts[t.key])])) as unknown as TimeoutsBody;
}

/** Those that say something; a kept secret goes as the server showed it, which keeps it. */
function filledOptions(form: ProviderForm): Record<string, string> {
  const kept = form.keptOptions.map((name) => [name, MASK] as const);
  const typed = Object.entries(form.options).flatMap(([name, value]) =>
    value.trim() ? [[name, value.trim()] as const] : [],
  );
  return Object.fromEntries([...kept, ...typed]);
}

/** The address of the kind is left out: the server makes it, with the options that it takes. */
export function newProviderOf(form: ProviderForm, kind?: ProviderKindView): NewProvider {
  return {
    name: form.name.trim(),
    kind: form.kind,
    dialect: form.dialect,
    base_url: form.baseUrl.trim() === kind?.base_url ? null : form.baseUrl.trim() || null,
    api_key: form.apiKey.trim() || null,
    headers: parseHeaders(form.headers) ?? {},
    options: filledOptions(form),
    timeouts: timeoutsOf(form),
  };
}

/** Only what was changed is sent: a key left alone stays. */
export function patchOf(form: ProviderForm, before: ProviderForm): ProviderPatch {
  const out: ProviderPatch = {};
  if (form.baseUrl.trim() !== before.baseUrl) out.base_url = form.baseUrl.trim();
  if (form.headers !== before.headers) out.headers = parseHeaders(form.headers) ?? {};
  const options = filledOptions(form);
  if (JSON.stringify(options) !== JSON.stringify(filledOptions(before))) out.options = options;
  if (JSON.stringify(form.timeouts) !== JSON.stringify(before.timeouts)) out.timeouts = timeoutsOf(form);
  if (form.apiKey.trim()) out.api_key = form.apiKey.trim();
  else if (form.removeKey) out.api_key = null;
  return out;
}
