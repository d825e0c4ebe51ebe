import { Autocomplete, MultiSelect, Select, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { inProject, patch, post } from "@/api/client";
import { kindsQuery, modelsQuery } from "@/api/queries";
import type { ModelView, ProviderView } from "@/api/types";
import { EditDrawer, useEditing } from "@/ui/EditDrawer";
import { check, formOf, type ModelForm, newModelOf, patchOf } from "./modelForm";
import css from "./models.module.css";

interface Props {
  project: string;
  model: ModelView | undefined;
  models: ModelView[];
  providers: ProviderView[];
  onClose: () => void;
}

export function ModelEditor({ project, model, models, providers, onClose }: Props) {
  const kinds = useQuery(kindsQuery());
  const editing = useEditing({
    begin: () => formOf(model, providers.length === 1 ? (providers[0]?.name ?? "") : ""),
    now: model && { form: formOf(model, ""), revision: model.revision },
    check,
    save: (form, _, revision) =>
      model
        ? patch<ModelView>(inProject(project, "models", model.name), { ...patchOf(form), expected_revision: revision })
        : post<ModelView>(inProject(project, "models"), newModelOf(form)),
    stale: [modelsQuery(project).queryKey],
    onSaved: onClose,
  });
  const { form, set, wrong: errors } = editing;
  const kind = providers.find((p) => p.name === form.provider)?.kind;
  const offered = kinds.data?.find((k) => k.name === kind)?.models ?? [];
  const others = models.map((m) => m.name).filter((name) => name !== form.name);
  return (
    <EditDrawer
      editing={editing}
      title={model ? `Edit ${model.name}` : "Add a model"}
      size={440}
      action={model ? "Save" : "Add"}
      off={model !== undefined && !editing.dirty}
      apart
      onClose={onClose}
    >
      <TextInput
        label="Name"
        description="What clients put into model=…"
        value={form.name}
        onChange={(e) => set({ name: e.currentTarget.value })}
        disabled={Boolean(model)}
        error={errors.name}
        data-autofocus={!model || undefined}
        spellCheck={false}
      />
      <Select
        label="Provider"
        data={providers.map((p) => p.name)}
        value={form.provider || null}
        onChange={(value) => set({ provider: value ?? "" })}
        error={errors.provider}
        allowDeselect={false}
      />
      <Autocomplete
        label="Model at the provider"
        description="Its id there; empty if it is the same name."
        data={offered}
        value={form.upstream}
        onChange={(value) => set({ upstream: value })}
        placeholder={form.name || offered[0]}
      />
      <MultiSelect
        label="If it fails, try"
        description="In this order, until one begins to answer."
        data={others}
        value={form.fallback}
        onChange={(value) => set({ fallback: value })}
        error={errors.fallback}
        placeholder={form.fallback.length === 0 ? "nothing" : undefined}
        searchable
      />
      <Switch
        label="Use my own price"
        description="Instead of the price book's. US dollars per million tokens."
        checked={form.ownPrice}
        onChange={(e) => set({ ownPrice: e.currentTarget.checked })}
      />
      {form.ownPrice && <PriceFields form={form} errors={errors} set={set} />}
    </EditDrawer>
  );
}

interface PriceProps {
  form: ModelForm;
  errors: ReturnType<typeof check>;
  set: (change: Partial<ModelForm>) => void;
}

function PriceFields({ form, errors, set }: PriceProps) {
  const field = (key: "input" | "output" | "cacheRead" | "cacheWrite", label: string, hint: string) => (
    <TextInput
      label={label}
      leftSection="$"
      inputMode="decimal"
      placeholder={hint}
      value={form[key]}
      onChange={(e) => set({ [key]: e.currentTarget.value })}
      error={errors[key]}
    />
  );
  return (
    <div className={css.two}>
      {field("input", "Input", "0.15")}
      {field("output", "Output", "0.60")}
      {field("cacheRead", "Cache read", "as input")}
      {field("cacheWrite", "Cache write", "as input")}
    </div>
  );
}
