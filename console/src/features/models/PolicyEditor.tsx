import { Button, Checkbox, Switch, TextInput } from "@mantine/core";
import { inProject, put } from "@/api/client";
import { resilienceQuery } from "@/api/queries";
import type { ResilienceView } from "@/api/types";
import { EditDrawer, useAsOpened, useEditing } from "@/ui/EditDrawer";
import { useRemoval } from "@/ui/removal";
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
  const where = inProject(project, subject === "model" ? "models" : "providers", name, "resilience");
  const stale = [resilienceQuery(project).queryKey];
  const opened = useAsOpened(now).own?.revision;
  const editing = useEditing({
    begin: () => formOf(now.policy),
    now: { form: formOf(now.policy), revision: now.own?.revision ?? 0 },
    check,
    save: (form, _, revision) => put<ResilienceView>(where, { ...policyOf(form), expected_revision: revision }),
    stale,
    onSaved: onClose,
    fieldOf,
  });
  const drop = useRemoval({
    at: () => [where, opened],
    stale,
    onRemoved: () => {
      editing.leaving.current = true;
      onClose();
    },
  });
  const { form, set, wrong: errors } = editing;
  return (
    <EditDrawer
      editing={{ ...editing, problem: drop.error ?? editing.problem }}
      title={`Resilience policy of the ${subject} ${name}`}
      size={480}
      gap={18}
      action="Save"
      off={!editing.dirty && Boolean(now.own)}
      aside={
        now.own && (
          <Button
            variant="default"
            color="red"
            size="sm"
            mr="auto"
            loading={drop.isPending}
            onClick={() => drop.mutate()}
          >
            {subject === "model" ? "Back to the provider's" : "Back to the default"}
          </Button>
        )
      }
      onClose={onClose}
    >
      {subject === "model" && <p className="muted">A model's own policy replaces its provider's whole.</p>}
      {GROUPS.map((group) => (
        <Fields key={group.title} group={group} form={form} errors={errors} set={set} />
      ))}
    </EditDrawer>
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
