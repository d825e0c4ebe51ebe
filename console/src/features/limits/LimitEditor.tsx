import { Button, Drawer, MultiSelect, SegmentedControl, Select, Switch, TagsInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { inProject, post, put } from "@/api/client";
import { limitsQuery } from "@/api/queries";
import type { LimitView } from "@/api/types";
import { ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { bodyOf, check, DIMENSIONS, type Dimension, formOf, type LimitForm, MEASURES, WINDOWS } from "./limitForm";
import css from "./limits.module.css";

interface Props {
  project: string;
  limit: LimitView | undefined;
  onClose: () => void;
}

const UNKNOWN: { value: LimitView["unknown_price"]; label: string }[] = [
  { value: "refuse", label: "Refuse it" },
  { value: "amount", label: "Count an amount for it" },
  { value: "ignore", label: "Let it pass uncounted" },
];

export function LimitEditor({ project, limit, onClose }: Props) {
  const [initial] = useState(() => formOf(limit));
  const [form, setForm] = useState<LimitForm>(initial);
  const [tried, setTried] = useState(false);
  const leaving = useLeaving();
  const queries = useQueryClient();
  const errors = tried ? check(form) : {};
  const dirty = JSON.stringify(form) !== JSON.stringify(initial);
  const set = (change: Partial<LimitForm>) => setForm((now) => ({ ...now, ...change }));
  const save = useMutation({
    mutationFn: () =>
      limit
        ? put<LimitView>(inProject(project, "limits", limit.name), bodyOf(form, limit))
        : post<LimitView>(inProject(project, "limits"), { ...bodyOf(form, undefined), name: form.name }),
    onSuccess: async () => {
      leaving.current = true;
      await queries.invalidateQueries({ queryKey: limitsQuery(project).queryKey });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(check(form)).length === 0) save.mutate();
  };
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={460}
      title={<strong>{limit ? `Edit ${limit.name}` : "Add a limit"}</strong>}
    >
      <form className={css.form} onSubmit={submit} noValidate>
        <TextInput
          label="Name"
          value={form.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          disabled={Boolean(limit)}
          error={errors.name}
          data-autofocus={!limit || undefined}
          spellCheck={false}
        />
        <div className={css.two}>
          <Select
            label="What is counted"
            data={MEASURES}
            value={form.measure}
            allowDeselect={false}
            onChange={(value) => value && set({ measure: value as LimitForm["measure"] })}
          />
          <TextInput
            label="How much"
            inputMode="decimal"
            leftSection={form.measure === "money" ? "$" : undefined}
            value={form.bound}
            onChange={(event) => set({ bound: event.currentTarget.value })}
            error={errors.bound}
          />
        </div>
        {form.measure !== "concurrency" && (
          <div className={css.two}>
            <Select
              label="Window"
              data={WINDOWS}
              value={form.window}
              allowDeselect={false}
              onChange={(value) => value && set({ window: value as LimitForm["window"] })}
            />
            <TextInput
              label="Time zone"
              description="Whose midnight counts."
              value={form.timezone}
              onChange={(event) => set({ timezone: event.currentTarget.value })}
            />
          </div>
        )}
        <div>
          <div className={css.label}>When it is reached</div>
          <SegmentedControl
            fullWidth
            size="xs"
            aria-label="When it is reached"
            data={[
              { value: "hard", label: "Refuse calls" },
              { value: "soft", label: "Only tell" },
            ]}
            value={form.mode}
            onChange={(value) => set({ mode: value as LimitForm["mode"] })}
          />
        </div>
        <MultiSelect
          label="Count separately for each"
          data={DIMENSIONS}
          value={form.per}
          onChange={(value) => set({ per: value as Dimension[] })}
          placeholder={form.per.length === 0 ? "one count for all" : undefined}
        />
        <Scope form={form} set={set} />
        {form.measure === "money" && (
          <div className={css.two}>
            <Select
              label="A call without a known price"
              data={UNKNOWN}
              value={form.unknownPrice}
              allowDeselect={false}
              onChange={(value) => value && set({ unknownPrice: value as LimitForm["unknownPrice"] })}
            />
            {form.unknownPrice === "amount" && (
              <TextInput
                label="Amount"
                leftSection="$"
                inputMode="decimal"
                value={form.unknownAmount}
                onChange={(event) => set({ unknownAmount: event.currentTarget.value })}
                error={errors.unknownAmount}
              />
            )}
          </div>
        )}
        <Switch
          label="Tell clients what is left"
          description="In headers of every answer."
          checked={form.headers}
          onChange={(event) => set({ headers: event.currentTarget.checked })}
        />
        {save.isError && <ProblemNotice error={save.error} />}
        <div className={css.formFoot}>
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="sm" loading={save.isPending} disabled={limit !== undefined && !dirty}>
            {limit ? "Save" : "Add"}
          </Button>
        </div>
      </form>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Drawer>
  );
}

function Scope({ form, set }: { form: LimitForm; set: (change: Partial<LimitForm>) => void }) {
  return (
    <fieldset className={css.scope}>
      <legend>Only calls of (empty: all)</legend>
      {DIMENSIONS.map((name) => (
        <TagsInput
          key={name}
          label={name}
          value={form.scope[name]}
          onChange={(values) => set({ scope: { ...form.scope, [name]: values } })}
          splitChars={[","]}
        />
      ))}
    </fieldset>
  );
}
