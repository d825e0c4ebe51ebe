import { Autocomplete, Button, Drawer, MultiSelect, Select, Switch, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { inProject, patch, post } from "@/api/client";
import { kindsQuery, modelsQuery } from "@/api/queries";
import type { ModelView, ProviderView } from "@/api/types";
import { ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
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
  const [initial] = useState(() => formOf(model, providers.length === 1 ? (providers[0]?.name ?? "") : ""));
  const [form, setForm] = useState<ModelForm>(initial);
  const [tried, setTried] = useState(false);
  const leaving = useLeaving();
  const queries = useQueryClient();
  const kinds = useQuery(kindsQuery());
  const errors = tried ? check(form) : {};
  const dirty = JSON.stringify(form) !== JSON.stringify(initial);
  const set = (change: Partial<ModelForm>) => setForm((now) => ({ ...now, ...change }));

  const save = useMutation({
    mutationFn: () =>
      model
        ? patch<ModelView>(inProject(project, "models", model.name), patchOf(form))
        : post<ModelView>(inProject(project, "models"), newModelOf(form)),
    onSuccess: async () => {
      leaving.current = true;
      await queries.invalidateQueries({ queryKey: modelsQuery(project).queryKey });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(check(form)).length === 0) save.mutate();
  };
  const kind = providers.find((p) => p.name === form.provider)?.kind;
  const offered = kinds.data?.find((k) => k.name === kind)?.models ?? [];
  const others = models.map((m) => m.name).filter((name) => name !== form.name);
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={440}
      title={<strong>{model ? `Edit ${model.name}` : "Add a model"}</strong>}
    >
      <form className={css.form} onSubmit={submit} noValidate>
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
        {save.isError && <ProblemNotice error={save.error} />}
        <div className={css.formFoot}>
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="sm" loading={save.isPending} disabled={model !== undefined && !dirty}>
            {model ? "Save" : "Add"}
          </Button>
        </div>
      </form>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Drawer>
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
