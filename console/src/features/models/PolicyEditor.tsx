import { Button, Checkbox, Drawer, Switch, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { asProblem, del, inProject, put } from "@/api/client";
import { resilienceQuery } from "@/api/queries";
import type { ResilienceView } from "@/api/types";
import { ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import type { InForce } from "./policy";
import { check, fieldOf, formOf, GROUPS, type Group, type PolicyForm, policyOf } from "./policyForm";
import css from "./targets.module.css";

interface Props {
  project: string;
  subject: ResilienceView["subject"];
  name: string;
  /** What holds now: its own, or what its own would replace. */
  now: InForce;
  onClose: () => void;
}

/** The policy of a provider or a model, whole. What the server refuses is said at the field it is about. */
export function PolicyEditor({ project, subject, name, now, onClose }: Props) {
  const [initial] = useState(() => formOf(now.policy));
  const [form, setForm] = useState<PolicyForm>(initial);
  const [tried, setTried] = useState(false);
  const leaving = useLeaving();
  const queries = useQueryClient();
  const where = inProject(project, subject === "model" ? "models" : "providers", name, "resilience");
  const done = async () => {
    leaving.current = true;
    await queries.invalidateQueries({ queryKey: resilienceQuery(project).queryKey });
    onClose();
  };
  const save = useMutation({ mutationFn: () => put<ResilienceView>(where, policyOf(form)), onSuccess: done });
  const drop = useMutation({ mutationFn: () => del(where), onSuccess: done });
  const dirty = JSON.stringify(form) !== JSON.stringify(initial);
  const refused = save.error ? fieldOf(asProblem(save.error).param) : undefined;
  const errors: Record<string, string> = {
    ...(refused && save.error ? { [refused]: asProblem(save.error).message } : {}),
    ...(tried ? check(form) : {}),
  };
  const set = (change: Partial<PolicyForm>) => {
    save.reset();
    setForm((before) => ({ ...before, ...change }));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(check(form)).length === 0) save.mutate();
  };
  const failure = drop.error ?? (refused ? null : save.error);
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={480}
      title={
        <strong>
          Resilience policy of the {subject} {name}
        </strong>
      }
    >
      <form className={css.policyForm} onSubmit={submit} noValidate>
        {subject === "model" && <p className="muted">A model's own policy replaces its provider's whole.</p>}
        {GROUPS.map((group) => (
          <Fields key={group.title} group={group} form={form} errors={errors} set={set} />
        ))}
        {failure && <ProblemNotice error={failure} />}
        <div className={css.policyFoot}>
          {now.own && (
            <Button variant="default" color="red" size="sm" loading={drop.isPending} onClick={() => drop.mutate()}>
              {subject === "model" ? "Back to the provider's" : "Back to the default"}
            </Button>
          )}
          <span className={css.grow} />
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="sm" loading={save.isPending} disabled={!dirty && Boolean(now.own)}>
            Save
          </Button>
        </div>
      </form>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Drawer>
  );
}

interface FieldsProps {
  group: Group;
  form: PolicyForm;
  errors: Record<string, string>;
  set: (change: Partial<PolicyForm>) => void;
}

function Fields({ group, form, errors, set }: FieldsProps) {
  const { part } = group;
  const on = !part || form[part];
  return (
    <fieldset className={css.group}>
      <legend>{group.title}</legend>
      {part ? (
        <Switch
          label={group.about}
          checked={form[part]}
          onChange={(event) => set({ [part]: event.currentTarget.checked })}
        />
      ) : (
        group.about && <p className="muted">{group.about}</p>
      )}
      {on && part === "hedge" && (
        <Checkbox
          label="After the 95th percentile of its last answers"
          checked={form.p95}
          onChange={(event) => set({ p95: event.currentTarget.checked })}
        />
      )}
      {on && (
        <div className={css.fields}>
          {group.fields.map(({ path, label, unit }) => (
            <TextInput
              key={path}
              label={unit ? `${label} (${unit})` : label}
              inputMode="decimal"
              placeholder={path === "deadline_s" || path === "hedge.after_ms" ? "none" : undefined}
              value={form.values[path] ?? ""}
              error={errors[path]}
              onChange={(event) => set({ values: { ...form.values, [path]: event.currentTarget.value } })}
            />
          ))}
        </div>
      )}
    </fieldset>
  );
}
