import { PasswordInput, Select, Switch, Textarea, TextInput } from "@mantine/core";
import { inProject, patch, post } from "@/api/client";
import { providersQuery } from "@/api/queries";
import type { ProviderKindView, ProviderView } from "@/api/types";
import { EditDrawer, useEditing } from "@/ui/EditDrawer";
import { Notice } from "@/ui/Notice";
import css from "./models.module.css";
import { OptionFields } from "./OptionFields";
import {
  check,
  DIALECTS,
  formOf,
  isMoved,
  newProviderOf,
  optionsOf,
  type ProviderForm,
  patchOf,
  TIMEOUTS,
} from "./providerForm";

interface Props {
  project: string;
  provider: ProviderView | undefined;
  kinds: ProviderKindView[];
  onClose: () => void;
}

export function ProviderEditor({ project, provider, kinds, onClose }: Props) {
  const kindOf = (form: ProviderForm) => kinds.find((k) => k.name === form.kind);
  // A kind without an address and without need of a key is run by the server itself.
  const isManaged = (form: ProviderForm) => form.kind !== "custom" && kindOf(form)?.base_url === "";
  const editing = useEditing({
    begin: () => formOf(provider, kinds.find((k) => k.name === "openai") ?? kinds[0]),
    now: provider && { form: formOf(provider, undefined), revision: provider.revision },
    check: (form) => check(form, isManaged(form), provider),
    save: (form, initial, revision) =>
      provider
        ? patch<ProviderView>(inProject(project, "providers", provider.name), {
            ...patchOf(form, initial),
            expected_revision: revision,
          })
        : post<ProviderView>(inProject(project, "providers"), newProviderOf(form, kindOf(form))),
    stale: [providersQuery(project).queryKey],
    onSaved: onClose,
    // All of it is told below the form; it is gone once something is changed, as it may be of another kind then.
    fieldOf: () => undefined,
  });
  const { form, set, wrong: errors } = editing;
  const kind = kindOf(form);
  const managed = isManaged(form);
  const chooseKind = (name: string | null) => {
    const next = kinds.find((k) => k.name === name);
    if (!next) return;
    const named = form.name === "" || kinds.some((k) => k.name === form.name);
    set({
      kind: next.name,
      dialect: next.dialect,
      baseUrl: next.base_url,
      options: optionsOf(next),
      name: named && next.name !== "custom" ? next.name : form.name,
    });
  };
  return (
    <EditDrawer
      editing={editing}
      title={provider ? `Edit ${provider.name}` : "Add a provider"}
      size={460}
      action={provider ? "Save" : "Add"}
      off={provider !== undefined && !editing.dirty}
      apart
      onClose={onClose}
    >
      {!provider && (
        <Select
          label="Kind"
          data={kinds.map((k) => ({ value: k.name, label: k.title, disabled: !k.available }))}
          value={form.kind}
          onChange={chooseKind}
          allowDeselect={false}
          searchable
          nothingFoundMessage="No kind is called so; any compatible server is one, too."
          openOnFocus={false}
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
          description={!provider && kind?.base_url.includes("{") ? "Made with what is said below." : undefined}
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
      {kind && <OptionFields kind={kind} form={form} set={set} />}
      {!managed && (
        <KeyField provider={provider} form={form} set={set} errors={errors} needsKey={kind?.needs_key ?? false} />
      )}
      {!managed && <More form={form} errors={errors} set={set} />}
    </EditDrawer>
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
  errors,
  needsKey,
}: FieldProps & { provider: ProviderView | undefined; errors: ReturnType<typeof check>; needsKey: boolean }) {
  const kept = provider?.key_hint ?? "";
  return (
    <>
      <PasswordInput
        label={kept ? `API key (one ending in ${kept} is kept)` : "API key"}
        description={
          kept
            ? isMoved(form, provider)
              ? "It was given for another address: type it again, so that it goes to this one."
              : "Type a new one to replace it; leave this empty to keep it."
            : needsKey
              ? "Kept encrypted on the server; nobody can read it back."
              : "Only if that server asks for one."
        }
        value={form.apiKey}
        error={errors.apiKey}
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
          description="One per line, as Name: value. Those with names such as x-api-key or authorization are kept and never shown again; all others are shown."
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
