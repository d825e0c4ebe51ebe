import { Autocomplete, TextInput } from "@mantine/core";
import { inProject, post } from "@/api/client";
import { priceBookQuery, pricesQuery } from "@/api/money";
import { modelsQuery } from "@/api/queries";
import type { DatedPriceView, ModelView, ProviderView } from "@/api/types";
import { EditDrawer, useEditing } from "@/ui/EditDrawer";
import { check, formOf, newPriceOf, RATE_NAMES, RATES, type Wrong } from "./priceForm";
import css from "./prices.module.css";

interface Props {
  project: string;
  /** One to begin with: what it says, from another day on. */
  like: DatedPriceView | undefined;
  model: string;
  models: ModelView[];
  providers: ProviderView[];
  onClose: () => void;
}

const TIERS = ["flex", "priority", "batch", "fast", "us"];

export function PriceEditor({ project, like, model, models, providers, onClose }: Props) {
  const editing = useEditing({
    begin: () => formOf(like, model),
    check,
    save: (form) => post<{ items: DatedPriceView[] }>(inProject(project, "prices"), { prices: [newPriceOf(form)] }),
    stale: [pricesQuery(project).queryKey, priceBookQuery(project).queryKey, modelsQuery(project).queryKey, ["price"]],
    onSaved: onClose,
  });
  const { form, set } = editing;
  const wrong: Wrong = editing.wrong;
  const upstreams = [...new Set(models.map((each) => each.upstream))];
  return (
    <EditDrawer
      editing={editing}
      title={like ? `Another price of ${like.model}` : "Add a price"}
      size={480}
      action="Add"
      apart
      onClose={onClose}
    >
      <Autocomplete
        label="Model"
        description="As the provider names it, or a pattern: gpt-4o*."
        data={upstreams}
        value={form.model}
        onChange={(value) => set({ model: value })}
        error={wrong.model}
        data-autofocus
        spellCheck={false}
      />
      <div className={css.pair}>
        <Autocomplete
          label="Provider"
          description="A name or a pattern; * is any."
          data={["*", ...providers.map((each) => each.name)]}
          value={form.provider}
          onChange={(value) => set({ provider: value })}
          spellCheck={false}
        />
        <Autocomplete
          label="Service tier"
          description="Empty: the standard one."
          data={TIERS}
          value={form.tier}
          onChange={(value) => set({ tier: value })}
          spellCheck={false}
        />
        <TextInput
          label="From"
          description="A day (UTC); empty: always."
          type="date"
          value={form.from}
          onChange={(event) => set({ from: event.currentTarget.value })}
        />
        <TextInput
          label="Until"
          description="Not included; empty: no end."
          type="date"
          value={form.to}
          onChange={(event) => set({ to: event.currentTarget.value })}
          error={wrong.to}
        />
      </div>
      <fieldset className={css.rates}>
        <legend>US dollars per million tokens</legend>
        <div className={css.pair}>
          {RATE_NAMES.filter((name) => RATES[name].per === "million").map((name) => (
            <RateInput key={name} name={name} form={form} wrong={wrong} set={set} />
          ))}
        </div>
      </fieldset>
      <fieldset className={css.rates}>
        <legend>US dollars by the piece</legend>
        <div className={css.pair}>
          {RATE_NAMES.filter((name) => RATES[name].per === "piece").map((name) => (
            <RateInput key={name} name={name} form={form} wrong={wrong} set={set} />
          ))}
        </div>
      </fieldset>
      {wrong.rates && (
        <p className={css.wrong} role="alert">
          {wrong.rates}
        </p>
      )}
      <TextInput
        label="Note"
        description="Why, for people: a contract, a discount."
        value={form.note}
        onChange={(event) => set({ note: event.currentTarget.value })}
      />
      <p className="muted">
        Calls from now on are priced by it, where it holds. Those that are booked keep their price until they are priced
        anew.
      </p>
    </EditDrawer>
  );
}

interface RateProps {
  name: (typeof RATE_NAMES)[number];
  form: ReturnType<typeof formOf>;
  wrong: Wrong;
  set: (change: Partial<ReturnType<typeof formOf>>) => void;
}

function RateInput({ name, form, wrong, set }: RateProps) {
  return (
    <TextInput
      label={RATES[name].label}
      leftSection="$"
      inputMode="decimal"
      value={form.rates[name]}
      onChange={(event) => set({ rates: { ...form.rates, [name]: event.currentTarget.value } })}
      error={wrong.rate?.[name]}
    />
  );
}
