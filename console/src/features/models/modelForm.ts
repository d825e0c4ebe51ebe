import type { ModelPatch, ModelView, NewModel, PriceBody } from "@/api/types";

export interface ModelForm {
  name: string;
  provider: string;
  upstream: string;
  fallback: string[];
  ownPrice: boolean;
  input: string;
  output: string;
  cacheRead: string;
  cacheWrite: string;
}

export function formOf(model: ModelView | undefined, provider: string): ModelForm {
  const price = model?.price_override;
  const show = (value: number | null | undefined) => (value === null || value === undefined ? "" : String(value));
  return {
    name: model?.name ?? "",
    provider: model?.provider ?? provider,
    upstream: model && model.upstream !== model.name ? model.upstream : "",
    fallback: model?.fallback ?? [],
    ownPrice: Boolean(price),
    input: show(price?.input),
    output: show(price?.output),
    cacheRead: show(price?.cache_read),
    cacheWrite: show(price?.cache_write),
  };
}

const amount = (text: string): number | null => {
  const value = Number(text);
  return text.trim() !== "" && Number.isFinite(value) && value >= 0 ? value : null;
};

export type FormErrors = Partial<Record<keyof ModelForm, string>>;

export function check(form: ModelForm): FormErrors {
  const errors: FormErrors = {};
  if (!form.name.trim()) errors.name = "Give it the name that clients will call.";
  if (!form.provider) errors.provider = "Choose the provider that answers.";
  if (form.fallback.includes(form.name.trim())) errors.fallback = "A model cannot stand in for itself.";
  if (form.ownPrice) {
    for (const key of ["input", "output"] as const) {
      if (amount(form[key]) === null) errors[key] = "Dollars per million tokens, 0 or more.";
    }
    for (const key of ["cacheRead", "cacheWrite"] as const) {
      if (form[key].trim() && amount(form[key]) === null) errors[key] = "Dollars, or empty.";
    }
  }
  return errors;
}

function priceOf(form: ModelForm): PriceBody | null {
  if (!form.ownPrice) return null;
  return {
    input: amount(form.input) ?? 0,
    output: amount(form.output) ?? 0,
    cache_read: amount(form.cacheRead),
    cache_write: amount(form.cacheWrite),
  };
}

export function newModelOf(form: ModelForm): NewModel {
  return {
    name: form.name.trim(),
    provider: form.provider,
    upstream: form.upstream.trim() || null,
    fallback: form.fallback,
    price: priceOf(form),
  };
}

export function patchOf(form: ModelForm): ModelPatch {
  return {
    provider: form.provider,
    upstream: form.upstream.trim() || form.name,
    fallback: form.fallback,
    price: priceOf(form),
  };
}
