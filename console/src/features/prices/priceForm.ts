/** A dated price while it is edited: text as typed, and what it becomes. The server has the last word. */

import type { DatedPriceView, NewDatedPrice, Rates } from "@/api/types";
import { parseUsd } from "@/lib/money";

export type Rate = keyof Rates;

/** Every rate there is, in the order in which it is asked for. */
export const RATES: Record<Rate, { label: string; per: "million" | "piece" }> = {
  input: { label: "Input", per: "million" },
  output: { label: "Output", per: "million" },
  cache_read: { label: "Cache read", per: "million" },
  cache_write: { label: "Cache write", per: "million" },
  cache_write_1h: { label: "Cache write, one hour", per: "million" },
  reasoning: { label: "Reasoning", per: "million" },
  audio_input: { label: "Audio input", per: "million" },
  audio_output: { label: "Audio output", per: "million" },
  image_input: { label: "Image input", per: "million" },
  image_output: { label: "Image output", per: "million" },
  cache_audio: { label: "Audio read from a cache", per: "million" },
  cache_image: { label: "Image read from a cache", per: "million" },
  per_request: { label: "A call", per: "piece" },
  per_image: { label: "An image made", per: "piece" },
  per_search: { label: "A search of the web", per: "piece" },
  per_file_search: { label: "A search of files", per: "piece" },
};
export const RATE_NAMES = Object.keys(RATES) as Rate[];

export interface PriceForm {
  model: string;
  provider: string;
  tier: string;
  /** Days (UTC), as a date field has them; empty: always, for ever. */
  from: string;
  to: string;
  note: string;
  rates: Record<Rate, string>;
}

/** Empty, or what another one says: the same rates from a day on are that with a number changed. */
export function formOf(like: DatedPriceView | undefined, model = ""): PriceForm {
  const rates = Object.fromEntries(RATE_NAMES.map((name) => [name, like?.rates[name] ?? ""])) as PriceForm["rates"];
  return {
    model: like?.model ?? model,
    provider: like?.provider ?? "*",
    tier: like?.tier ?? "",
    from: "",
    to: "",
    note: like?.note ?? "",
    rates,
  };
}

export interface Wrong {
  model?: string;
  to?: string;
  rates?: string;
  /** By rate. */
  rate?: Partial<Record<Rate, string>>;
}

export function check(form: PriceForm): Wrong {
  const wrong: Wrong = {};
  if (!form.model.trim()) wrong.model = "Name the model as the provider does, or a pattern such as gpt-4o*.";
  if (form.from && form.to && form.from >= form.to) wrong.to = "It ends before it begins.";
  const rate: Partial<Record<Rate, string>> = {};
  for (const name of RATE_NAMES) {
    const text = form.rates[name].trim();
    const value = parseUsd(text);
    if (text && (value === null || value < 0n)) rate[name] = "Dollars, e.g. 0.15.";
  }
  if (Object.keys(rate).length > 0) wrong.rate = rate;
  const given = RATE_NAMES.filter((name) => form.rates[name].trim());
  const tokens = given.some((name) => RATES[name].per === "million");
  if (given.length === 0 || (tokens && !(given.includes("input") && given.includes("output"))))
    wrong.rates = "Say what input and output cost, or what something costs by the piece.";
  return wrong;
}

export function newPriceOf(form: PriceForm): NewDatedPrice {
  const rates = Object.fromEntries(
    RATE_NAMES.filter((name) => form.rates[name].trim()).map((name) => [name, form.rates[name].trim()]),
  );
  return {
    model: form.model.trim(),
    provider: form.provider.trim() || "*",
    tier: form.tier.trim(),
    valid_from: dayStart(form.from),
    valid_to: dayStart(form.to),
    note: form.note.trim(),
    rates,
  };
}

/** The moment at which a day (UTC) begins; null of none. */
export function dayStart(day: string): number | null {
  const at = Date.parse(`${day}T00:00:00Z`);
  return day && Number.isFinite(at) ? at : null;
}

/** The day (UTC); with the time where it does not begin at midnight. */
export function momentText(at: number): string {
  const text = new Date(at).toISOString();
  return text.endsWith("T00:00:00.000Z") ? text.slice(0, 10) : `${text.slice(0, 16).replace("T", " ")} UTC`;
}

/** What a row says, the rates that it has. */
export function ratesText(rates: Rates): string {
  return RATE_NAMES.filter((name) => rates[name])
    .map((name) => `${RATES[name].label.toLowerCase()} $${rates[name]}`)
    .join(", ");
}

/** Whether a pattern (`*`, `?`) names this. */
export function names(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  try {
    return new RegExp(`^${source}$`).test(name);
  } catch {
    return pattern === name; // a class that is not closed: it stands for itself
  }
}
