import { MultiSelect, SegmentedControl, Select, Switch, TagsInput, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { inProject, post, put } from "@/api/client";
import { limitsQuery, modelsQuery } from "@/api/queries";
import type { LimitView } from "@/api/types";
import { plural } from "@/lib/format";
import { formatMoney, inDollars, parseUsd } from "@/lib/money";
import { EditDrawer, useEditing } from "@/ui/EditDrawer";
import { Notice } from "@/ui/Notice";
import {
  bodyOf,
  check,
  DIMENSIONS,
  type Dimension,
  formOf,
  type LimitForm,
  MEASURES,
  refusedModels,
  WINDOWS,
} from "./limitForm";
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

/** Limits hold dollars; what that is in the currency sums are shown in. */
function inYours(dollars: string): string | undefined {
  return inDollars() || parseUsd(dollars) === null ? undefined : `US dollars: ${formatMoney(dollars.trim())}`;
}

export function LimitEditor({ project, limit, onClose }: Props) {
  const editing = useEditing({
    begin: () => formOf(limit),
    now: limit && { form: formOf(limit), revision: limit.revision },
    check,
    save: (form, _, revision) =>
      limit
        ? put<LimitView>(inProject(project, "limits", limit.name), {
            ...bodyOf(form, limit),
            expected_revision: revision,
          })
        : post<LimitView>(inProject(project, "limits"), { ...bodyOf(form, undefined), name: form.name }),
    stale: [limitsQuery(project).queryKey],
    onSaved: onClose,
  });
  const { form, set, wrong: errors } = editing;
  const models = useQuery(modelsQuery(project));
  const refused = refusedModels(form, models.data ?? []);
  return (
    <EditDrawer
      editing={editing}
      title={limit ? `Edit ${limit.name}` : "Add a limit"}
      size={460}
      action={limit ? "Save" : "Add"}
      off={limit !== undefined && !editing.dirty}
      apart
      onClose={onClose}
    >
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
          description={inYours(form.measure === "money" ? form.bound : "")}
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
              description={inYours(form.unknownAmount)}
              leftSection="$"
              inputMode="decimal"
              value={form.unknownAmount}
              onChange={(event) => set({ unknownAmount: event.currentTarget.value })}
              error={errors.unknownAmount}
            />
          )}
        </div>
      )}
      {refused.length > 0 && (
        <Notice tone="warn" title={`It refuses ${plural(refused.length, "model")} from now on`}>
          No price is known of {refused.slice(0, 5).join(", ")}
          {refused.length > 5 && ` and ${refused.length - 5} more`}. Set one under Models first, or let such calls pass.
        </Notice>
      )}
      <Switch
        label="Tell clients what is left"
        description="In headers of every answer."
        checked={form.headers}
        onChange={(event) => set({ headers: event.currentTarget.checked })}
      />
    </EditDrawer>
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
