import { Autocomplete, Button, Checkbox, Drawer, SegmentedControl, Select, Switch, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { asProblem, inProject, put } from "@/api/client";
import { callPoliciesQuery, modelsQuery, routesQuery } from "@/api/queries";
import type { CallPolicyView } from "@/api/types";
import { ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
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
  const [initial] = useState(() => formOf(policy));
  const [form, setForm] = useState<CallPolicyForm>(initial);
  const [tried, setTried] = useState(false);
  const leaving = useLeaving();
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => put<CallPolicyView>(inProject(project, "policies", form.name.trim()), bodyOf(form)),
    onSuccess: async () => {
      leaving.current = true;
      await queries.invalidateQueries({ queryKey: callPoliciesQuery(project).queryKey });
      onClose();
    },
  });
  const dirty = JSON.stringify(form) !== JSON.stringify(initial);
  const refused = save.error ? fieldOf(asProblem(save.error).param) : undefined;
  const errors: ReturnType<typeof check> = {
    ...(refused && save.error ? { [refused]: asProblem(save.error).message } : {}),
    ...(tried ? check(form) : {}),
  };
  const set = (change: Partial<CallPolicyForm>) => {
    save.reset();
    setForm((now) => ({ ...now, ...change }));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(check(form)).length === 0) save.mutate();
  };
  const parts = { form, errors, set };
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={460}
      title={<strong>{policy ? `What holds for ${policy.name}` : "Keep or shorten the calls of a name"}</strong>}
    >
      <form className={css.form} onSubmit={submit} noValidate>
        {!policy && <Name project={project} {...parts} />}
        <CacheFields {...parts} />
        <ContextFields {...parts} />
        {errors.off && <p className={css.wrong}>{errors.off}</p>}
        {save.error && !refused && <ProblemNotice error={save.error} />}
        <div className={css.formFoot}>
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="sm" loading={save.isPending} disabled={!dirty}>
            Save
          </Button>
        </div>
      </form>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Drawer>
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
