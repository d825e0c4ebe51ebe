import { Autocomplete, Button, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { priceAtQuery } from "@/api/money";
import type { ModelView } from "@/api/types";
import { ProblemNotice } from "@/ui/Notice";
import { dayStart } from "./priceForm";
import css from "./prices.module.css";

export interface Asked {
  model?: string;
  at?: string;
  tier?: string;
}

interface Props {
  project: string;
  models: ModelView[];
  asked: Asked;
  onAsk: (asked: Asked) => void;
}

/** Which row prices a model on a day, and what it says: own price, the model's, or the book's. */
export function LookUp({ project, models, asked, onAsk }: Props) {
  const [form, setForm] = useState({ model: asked.model ?? "", at: asked.at ?? "", tier: asked.tier ?? "" });
  const set = (change: Partial<typeof form>) => setForm((before) => ({ ...before, ...change }));
  const at = dayStart(asked.at ?? "") ?? undefined;
  const price = useQuery(priceAtQuery(project, asked.model ?? "", at, asked.tier ?? ""));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onAsk({ model: form.model.trim() || undefined, at: form.at || undefined, tier: form.tier.trim() || undefined });
  };
  return (
    <section className={css.panel} aria-label="Which price holds">
      <h2>Which price holds?</h2>
      <form className={css.ask} onSubmit={submit}>
        <Autocomplete
          label="Model"
          description="A name here, or provider/model-id"
          data={models.map((each) => each.name)}
          value={form.model}
          onChange={(value) => set({ model: value })}
          spellCheck={false}
        />
        <TextInput
          label="On"
          description="A day (UTC); empty: now"
          type="date"
          value={form.at}
          onChange={(event) => set({ at: event.currentTarget.value })}
        />
        <TextInput
          label="In the tier"
          description="Empty: the standard one"
          value={form.tier}
          onChange={(event) => set({ tier: event.currentTarget.value })}
          spellCheck={false}
        />
        <Button type="submit" size="sm" variant="default" disabled={!form.model.trim()} loading={price.isFetching}>
          Look up
        </Button>
      </form>
      {price.isError && <ProblemNotice error={price.error} />}
      {price.data && (
        <div role="status" className={css.answer}>
          {price.data.known ? (
            <>
              <strong className="num">
                ${price.data.input} in, ${price.data.output} out
              </strong>{" "}
              per million tokens
              {price.data.cache_read && `, cache read $${price.data.cache_read}`}
              {price.data.cache_write && `, cache write $${price.data.cache_write}`}
              <div className="muted mono">{price.data.source}</div>
            </>
          ) : (
            <strong>No price is known: its calls are counted as unpriced, never as free.</strong>
          )}
          {price.data.note && <div className="muted">{price.data.note}</div>}
        </div>
      )}
    </section>
  );
}
