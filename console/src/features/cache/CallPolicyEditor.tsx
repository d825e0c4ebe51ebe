import { Autocomplete, Checkbox, SegmentedControl, Select, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { inProject, put } from "@/api/client";
import { callPoliciesQuery, modelsQuery, routesQuery } from "@/api/queries";
import type { CallPolicyView } from "@/api/types";
import { EditDrawer, useEditing } from "@/ui/EditDrawer";
import css from "./cache.module.css";
import { bodyOf, type CacheMode, type CacheScope, type CallPolicyForm, check, fieldOf, formOf } from "./callPolicy";

interface Props {
  project: string;
  policy: CallPolicyView | undefined;
  onClose: () => void;
}

const MODES = [
  { value: "exact", label: "The same request" },
  { value: "semantic", label: "The same meaning" },
];
const SCOPES = [
  { value: "", label: "As is usual for it" },
  { value: "project", label: "Everybody in the project" },
  { value: "key", label: "Calls of one key" },
  { value: "user", label: "Calls of one key and end user" },
];

/** What holds for the calls of one name: whether answers are kept, and how long conversations are shortened. */
export function CallPolicyEditor({ project, policy, onClose }: Props) {
  const editing = useEditing({
    begin: () => formOf(policy),
    now: policy && { form: formOf(policy), revision: policy.revision },
    check,
    save: (form, _, revision = 0) =>
      put<CallPolicyView>(inProject(project, "policies", form.name.trim()), {
        ...bodyOf(form),
        expected_revision: revision,
      }),
    stale: [callPoliciesQuery(project).queryKey],
    onSaved: onClose,
    fieldOf,
  });
  const { form, set, wrong: errors } = editing;
  const parts = { form, errors, set };
  return (
    <EditDrawer
      editing={editing}
      title={policy ? `What holds for ${policy.name}` : "Keep or shorten the calls of a name"}
      size={460}
      gap={16}
      action="Save"
      off={!editing.dirty}
      apart
      onClose={onClose}
    >
      {!policy && <Name project={project} {...parts} />}
      <CacheFields {...parts} />
      <ContextFields {...parts} />
      {errors.off && <p className={css.wrong}>{errors.off}</p>}
    </EditDrawer>
  );
}

interface FieldsProps {
  form: CallPolicyForm;
  errors: ReturnType<typeof check>;
  set: (change: Partial<CallPolicyForm>) => void;
}

function Name({ project, form, errors, set }: FieldsProps & { project: string }) {
  const models = useQuery(modelsQuery(project));
  const routes = useQuery(routesQuery(project));
  const known = [...(models.data ?? []), ...(routes.data ?? [])].map((each) => each.name);
  return (
    <Autocomplete
      label="Called name"
      description="A model's, a route's, or provider/model-id."
      data={[...new Set(known)].sort()}
      value={form.name}
      error={errors.name}
      onChange={(name) => set({ name })}
      data-autofocus
    />
  );
}

function CacheFields({ form, errors, set }: FieldsProps) {
  return (
    <fieldset className={css.group}>
      <legend>Cache</legend>
      <Switch
        label="Keep answers and give them again"
        checked={form.cache}
        onChange={(event) => set({ cache: event.currentTarget.checked })}
      />
      {form.cache && (
        <>
          <SegmentedControl
            aria-label="What counts as asked before"
            data={MODES}
            value={form.mode}
            onChange={(mode) => set({ mode: mode as CacheMode })}
          />
          <TextInput
            label="Keep for (minutes)"
            inputMode="decimal"
            value={form.minutes}
            error={errors.minutes}
            onChange={(event) => set({ minutes: event.currentTarget.value })}
          />
          <Select
            label="Answers are shared by"
            description={form.mode === "exact" ? "Usually everybody in the project." : "Usually the calls of one key."}
            data={SCOPES}
            value={form.scope}
            onChange={(scope) => set({ scope: (scope ?? "") as CacheScope })}
            allowDeselect={false}
          />
          {form.mode === "semantic" && (
            <TextInput
              label="Least similarity"
              description="Empty: the one that was measured."
              inputMode="decimal"
              value={form.threshold}
              error={errors.threshold}
              onChange={(event) => set({ threshold: event.currentTarget.value })}
            />
          )}
          <Checkbox
            label="Also answers that were drawn at random (a temperature above 0)"
            checked={form.sampled}
            onChange={(event) => set({ sampled: event.currentTarget.checked })}
          />
        </>
      )}
    </fieldset>
  );
}

const LENGTHS = [
  { at: "maxTokens", label: "Tokens of a conversation at most", about: "The oldest turns are dropped above it." },
  { at: "toolTokens", label: "Tokens of a tool's result", about: "Longer ones keep their beginning and end." },
  { at: "oldTokens", label: "Tokens of an older message", about: "Longer ones keep their most telling sentences." },
] as const;

function ContextFields({ form, errors, set }: FieldsProps) {
  return (
    <fieldset className={css.group}>
      <legend>Context</legend>
      <Switch
        label="Shorten long conversations"
        checked={form.context}
        onChange={(event) => set({ context: event.currentTarget.checked })}
      />
      {form.context && (
        <>
          {LENGTHS.map(({ at, label, about }) => (
            <TextInput
              key={at}
              label={label}
              description={about}
              placeholder="no bound"
              inputMode="numeric"
              value={form[at]}
              error={errors[at]}
              onChange={(event) => set({ [at]: event.currentTarget.value })}
            />
          ))}
          <TextInput
            label="Last turns that stay whole"
            inputMode="numeric"
            value={form.keepTurns}
            error={errors.keepTurns}
            onChange={(event) => set({ keepTurns: event.currentTarget.value })}
          />
          <Checkbox
            label="Send a long text that stands twice only once"
            checked={form.deduplicate}
            onChange={(event) => set({ deduplicate: event.currentTarget.checked })}
          />
        </>
      )}
    </fieldset>
  );
}
