import { Group, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { inProject, patch } from "@/api/client";
import { currencyQuery } from "@/api/money";
import type { CurrencyView } from "@/api/types";
import { useMay } from "@/lib/role";
import { useBased, useSaving } from "@/ui/EditDrawer";
import { Refused } from "@/ui/Meanwhile";
import { Pending } from "@/ui/Pending";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { WriteButton } from "@/ui/WriteButton";
import css from "./prices.module.css";

/** The books are in US dollars; sums may be shown in another currency, at one rate. */
export function CurrencyPanel({ project }: { project: string }) {
  const currency = useQuery(currencyQuery(project));
  return (
    <section className={css.panel} aria-label="Currency">
      <h2>Currency</h2>
      <p className="muted">
        The books, prices, providers' bills and the fields of forms are in US dollars. Every other sum in the console is
        shown in your currency, at this one rate; nothing is converted by the day.
      </p>
      <Pending of={currency} height={60} />
      {currency.data && <CurrencyForm project={project} currency={currency.data} />}
    </section>
  );
}

function CurrencyForm({ project, currency }: { project: string; currency: CurrencyView }) {
  const now = { form: { code: currency.code ?? "", rate: currency.rate ?? "" }, revision: currency.revision };
  const { form, set, dirty, undo, revision, meant } = useBased(now);
  const may = useMay("cost:write");
  const leaving = useLeaving();
  const code = form.code.trim().toUpperCase();
  const saving = useSaving({
    save: () =>
      patch<CurrencyView>(inProject(project, "currency"), {
        ...(code ? { code, rate: form.rate.trim() } : { code: null }),
        expected_revision: revision,
      }),
    stale: [currencyQuery(project).queryKey, ["costs", project]],
    onSaved: () => {
      undo();
      leaving.current = false;
    },
    leaving,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (dirty) saving.save();
  };
  return (
    <form onSubmit={submit}>
      <Group gap={12} align="flex-end">
        <TextInput
          label="Code"
          description="Empty: US dollars"
          placeholder="EUR"
          w={150}
          maxLength={3}
          value={form.code}
          disabled={!may}
          onChange={(event) => {
            saving.reset();
            set({ code: event.currentTarget.value });
          }}
        />
        <TextInput
          label="One US dollar is"
          description={code || "of that currency"}
          placeholder="0.92"
          inputMode="decimal"
          w={170}
          value={form.rate}
          disabled={!may || !code}
          onChange={(event) => {
            saving.reset();
            set({ rate: event.currentTarget.value });
          }}
        />
        <WriteButton
          needs="cost:write"
          size="sm"
          variant="default"
          loading={saving.busy}
          why={dirty ? undefined : "Nothing was changed."}
          onClick={saving.save}
        >
          Save
        </WriteButton>
      </Group>
      {saving.problem ? (
        <div style={{ marginTop: 12 }}>
          <Refused problem={saving.problem} meant={meant(saving.problem, saving.reset)} />
        </div>
      ) : null}
      <UnsavedGuard dirty={dirty} leaving={leaving} free={["new", "model", "at", "tier", "job"]} />
    </form>
  );
}
