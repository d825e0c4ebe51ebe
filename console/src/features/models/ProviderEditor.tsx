import { Button, Drawer, PasswordInput, Select, Switch, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { inProject, patch, post } from "@/api/client";
import { providersQuery } from "@/api/queries";
import type { ProviderKindView, ProviderView } from "@/api/types";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import css from "./models.module.css";
import { check, DIALECTS, formOf, newProviderOf, type ProviderForm, patchOf, TIMEOUTS } from "./providerForm";

interface Props {
  project: string;
  provider: ProviderView | undefined;
  kinds: ProviderKindView[];
  onClose: () => void;
}

export function ProviderEditor({ project, provider, kinds, onClose }: Props) {
  const [initial] = useState(() => formOf(provider, kinds.find((k) => k.name === "openai") ?? kinds[0]));
  const [form, setForm] = useState<ProviderForm>(initial);
  const [tried, setTried] = useState(false);
  const leaving = useLeaving();
  const queries = useQueryClient();
  const kind = kinds.find((k) => k.name === form.kind);
  // A kind without an address and without need of a key is run by the server itself.
  const managed = kind !== undefined && kind.name !== "custom" && kind.base_url === "";
  const errors = tried ? check(form, managed) : {};
  const dirty = JSON.stringify(form) !== JSON.stringify(initial);
  const set = (change: Partial<ProviderForm>) => setForm((now) => ({ ...now, ...change }));
  const save = useMutation({
    mutationFn: () =>
      provider
        ? patch<ProviderView>(inProject(project, "providers", provider.name), patchOf(form, initial))
        : post<ProviderView>(inProject(project, "providers"), newProviderOf(form)),
    onSuccess: async () => {
      leaving.current = true;
      await queries.invalidateQueries({ queryKey: providersQuery(project).queryKey });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(check(form, managed)).length === 0) save.mutate();
  };
  const chooseKind = (name: string | null) => {
    const next = kinds.find((k) => k.name === name);
    if (!next) return;
    const named = form.name === "" || kinds.some((k) => k.name === form.name);
    set({
      kind: next.name,
      dialect: next.dialect,
      baseUrl: next.base_url,
      name: named && next.name !== "custom" ? next.name : form.name,
    });
  };
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={460}
      title={<strong>{provider ? `Edit ${provider.name}` : "Add a provider"}</strong>}
    >
      <form className={css.form} onSubmit={submit} noValidate>
        {!provider && (
          <Select
            label="Kind"
            data={kinds.map((k) => ({ value: k.name, label: k.title, disabled: !k.available }))}
            value={form.kind}
            onChange={chooseKind}
            allowDeselect={false}
            data-autofocus
          />
        )}
        {kind && !kind.available && <Notice tone="warn">Something it needs is not installed on the server.</Notice>}
        <TextInput
          label="Name"
          value={form.name}
          onChange={(e) => set({ name: e.currentTarget.value })}
          disabled={Boolean(provider)}
          error={errors.name}
          spellCheck={false}
        />
        {!managed && (
          <TextInput
            label="Base URL"
            placeholder="https://api.example.com/v1"
            value={form.baseUrl}
            onChange={(e) => set({ baseUrl: e.currentTarget.value })}
            error={errors.baseUrl}
            spellCheck={false}
          />
        )}
        {form.kind === "custom" && (
          <Select
            label="Speaks"
            data={DIALECTS}
            value={form.dialect}
            onChange={(value) => set({ dialect: value ?? form.dialect })}
            disabled={Boolean(provider)}
            allowDeselect={false}
          />
        )}
        {!managed && <KeyField provider={provider} form={form} set={set} needsKey={kind?.needs_key ?? false} />}
        {!managed && <More form={form} errors={errors} set={set} />}
        {save.isError && <ProblemNotice error={save.error} />}
        <div className={css.formFoot}>
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="sm" loading={save.isPending} disabled={provider !== undefined && !dirty}>
            {provider ? "Save" : "Add"}
          </Button>
        </div>
      </form>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Drawer>
  );
}

interface FieldProps {
  form: ProviderForm;
  set: (change: Partial<ProviderForm>) => void;
}

function KeyField({
  provider,
  form,
  set,
  needsKey,
}: FieldProps & { provider: ProviderView | undefined; needsKey: boolean }) {
  const kept = provider?.key_hint ?? "";
  return (
    <>
      <PasswordInput
        label={kept ? `API key (one ending in ${kept} is kept)` : "API key"}
        description={
          kept
            ? "Type a new one to replace it; leave this empty to keep it."
            : needsKey
              ? "Kept encrypted on the server; nobody can read it back."
              : "Only if that server asks for one."
        }
        value={form.apiKey}
        onChange={(e) => set({ apiKey: e.currentTarget.value, removeKey: false })}
        autoComplete="off"
        spellCheck={false}
        disabled={form.removeKey}
        visibilityToggleButtonProps={{ "aria-label": "Show the key" }}
      />
      {kept && (
        <Switch
          label="Remove the key"
          checked={form.removeKey}
          onChange={(e) => set({ removeKey: e.currentTarget.checked, apiKey: "" })}
        />
      )}
    </>
  );
}

function More({ form, errors, set }: FieldProps & { errors: ReturnType<typeof check> }) {
  return (
    <details open={Boolean(errors.headers) || TIMEOUTS.some((t) => errors[t.key])}>
      <summary style={{ cursor: "pointer", color: "var(--text-2)" }}>Headers and time limits</summary>
      <div className={css.form} style={{ marginTop: 12 }}>
        <Textarea
          label="Extra headers"
          description="One per line, as Name: value. Not for secrets: these are shown."
          autosize
          minRows={2}
          value={form.headers}
          onChange={(e) => set({ headers: e.currentTarget.value })}
          error={errors.headers}
          spellCheck={false}
        />
        <div className={css.two}>
          {TIMEOUTS.map(({ key, label }) => (
            <TextInput
              key={key}
              label={label}
              rightSection={<span className="muted">s</span>}
              inputMode="decimal"
              value={form.timeouts[key]}
              onChange={(e) => set({ timeouts: { ...form.timeouts, [key]: e.currentTarget.value } })}
              error={errors[key]}
            />
          ))}
        </div>
      </div>
    </details>
  );
}
