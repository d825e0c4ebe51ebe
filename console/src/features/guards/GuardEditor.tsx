import { Autocomplete, Checkbox, MultiSelect, Select, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { inProject, post } from "@/api/client";
import {
  type Action,
  type GuardKind,
  type GuardView,
  guardsKey,
  type Mode,
  type Role,
  refusalsQuery,
} from "@/api/guards";
import { dataClassesQuery } from "@/api/policies";
import { modelsQuery, routesQuery } from "@/api/queries";
import { appsQuery } from "@/api/releases";
import { queuesQuery } from "@/api/review";
import { SchemaForm } from "@/features/scorers/SchemaForm";
import { fieldsOf } from "@/features/scorers/schemaForm";
import { badName } from "@/lib/name";
import { EditDrawer, useAsOpened, useEditing } from "@/ui/EditDrawer";
import { Notice } from "@/ui/Notice";
import { Coded } from "./Coded";
import { formOf, type GuardForm, specOf, type Wrong } from "./guardForm";
import css from "./guards.module.css";
import { TryPanel } from "./TryPanel";
import { ACTIONS, MODES, STAGE_ORDER, STAGES } from "./words";

interface Props {
  project: string;
  kind: GuardKind;
  /** Undefined: a new one. */
  guard: GuardView | undefined;
  onClose: () => void;
  onSaved: (name: string) => void;
}

/** A guard while it is written: every change is a version, in force by where it holds as soon as it is saved. */
export function GuardEditor({ project, kind, guard: given, onClose, onSaved }: Props) {
  const guard = useAsOpened(given);
  const [name, setName] = useState(guard?.name ?? kind.name.replaceAll("_", "-"));
  const [message, setMessage] = useState("");
  const misnamed = badName(name);
  const read = (form: GuardForm) => {
    const { spec, wrong } = specOf(form, kind, guard?.spec);
    return { spec, faults: misnamed ? { ...wrong, name: misnamed } : wrong };
  };
  const editing = useEditing({
    begin: () => formOf(guard?.spec, kind),
    check: (form) => read(form).faults,
    save: (form) =>
      post<{ guard: GuardView; created: boolean }>(inProject(project, "guards", name, "versions"), {
        spec: read(form).spec,
        message: message.trim(),
        expected_version: guard?.version ?? 0,
      }),
    stale: [guardsKey(project)],
    onSaved: () => onSaved(name),
  });
  const { form, set, wrong } = editing;
  const { spec, faults } = read(form);
  const [fault] = Object.values(faults);
  return (
    <EditDrawer
      editing={{ ...editing, dirty: editing.dirty || message !== "" }}
      title={guard ? `Edit ${guard.name}` : `New guard: ${kind.name.replaceAll("_", " ")}`}
      label="Guard"
      size={680}
      action={guard ? `Save version ${guard.version + 1}` : "Make it"}
      onClose={onClose}
    >
      <p className="muted">{kind.about}</p>
      {!guard && (
        <TextInput
          label="Name"
          description="Apps, reports and traces call it by this."
          value={name}
          error={wrong.name}
          onChange={(event) => setName(event.currentTarget.value)}
          spellCheck={false}
          data-autofocus
        />
      )}
      <Doing project={project} kind={kind} form={form} set={set} wrong={wrong} />
      <Looking project={project} kind={kind} form={form} set={set} wrong={wrong} />
      <Options kind={kind} form={form} set={set} wrong={wrong} />
      <Failing kind={kind} form={form} set={set} wrong={wrong} />
      <details>
        <summary>Try it as it stands here</summary>
        <div style={{ paddingTop: 10 }}>
          {fault ? <p className="muted">{fault}</p> : <TryPanel project={project} spec={spec} kind={kind} inForm />}
        </div>
      </details>
      <Textarea
        label="What it is for"
        autosize
        minRows={1}
        maxRows={6}
        value={form.description}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
      <TextInput
        label="What changed and why"
        value={message}
        onChange={(event) => setMessage(event.currentTarget.value)}
      />
      {guard && (
        <Notice tone="warn">
          Version {guard.version + 1} holds at once where the guard applies by itself. Releases keep the version that
          they were made with.
        </Notice>
      )}
    </EditDrawer>
  );
}

interface PartProps {
  kind: GuardKind;
  form: GuardForm;
  set: (change: Partial<GuardForm>) => void;
  wrong: Wrong;
}

/** What happens from which score on. */
function Doing({ project, kind, form, set, wrong }: PartProps & { project: string }) {
  const queues = useQuery({ ...queuesQuery(project), enabled: form.action === "escalate", refetchInterval: false });
  const refusals = useQuery(refusalsQuery(project));
  const classes = useQuery({ ...dataClassesQuery(project), staleTime: 30_000 });
  const halts = form.action === "block" || form.action === "escalate";
  return (
    <fieldset className={css.form}>
      <legend>What happens</legend>
      <Select
        label="Mode"
        description={MODES[form.mode].about}
        data={(Object.keys(MODES) as Mode[]).map((value) => ({ value, label: MODES[value].label }))}
        value={form.mode}
        allowDeselect={false}
        onChange={(mode) => mode && set({ mode: mode as Mode })}
      />
      <div className={css.pair}>
        <Select
          label="When it finds something it"
          description={ACTIONS[form.action].about}
          data={kind.actions.map((value) => ({ value, label: ACTIONS[value].label }))}
          value={form.action}
          allowDeselect={false}
          onChange={(action) => action && set({ action: action as Action })}
        />
        <TextInput
          label="From a score of"
          description={`0 to 1; ${kind.threshold} where nothing is said. Its report shows what that stops.`}
          inputMode="decimal"
          placeholder={String(kind.threshold)}
          value={form.threshold}
          error={wrong.threshold}
          onChange={(event) => set({ threshold: event.currentTarget.value })}
        />
      </div>
      {form.action === "escalate" && (
        <Autocomplete
          label="Review queue"
          data={(queues.data ?? []).map((queue) => queue.name)}
          value={form.queue}
          error={wrong.queue}
          onChange={(queue) => set({ queue })}
        />
      )}
      {halts && (
        <Autocomplete
          label="What the user is told"
          description="A template by its name; empty: the default."
          data={[...new Set((refusals.data ?? []).map((each) => each.name))]}
          value={form.refusal}
          onChange={(refusal) => set({ refusal })}
          spellCheck={false}
        />
      )}
      <Autocomplete
        label="Then the call's data is at least"
        description="A class of the project's: policies decide which models may be given it. Empty: it says nothing of that."
        data={classes.data?.classes ?? []}
        value={form.dataClass}
        error={wrong.dataClass}
        onChange={(dataClass) => set({ dataClass })}
        spellCheck={false}
      />
    </fieldset>
  );
}

const ROLES: Role[] = ["user", "system", "developer", "assistant"];

/** What it looks at, and whose calls. */
function Looking({ project, kind, form, set, wrong }: PartProps & { project: string }) {
  const called = useCalled(project);
  return (
    <fieldset className={css.form}>
      <legend>Where</legend>
      <Checkbox.Group
        label="It looks at"
        error={wrong.stages}
        value={form.stages}
        onChange={(stages) => set({ stages: STAGE_ORDER.filter((stage) => stages.includes(stage)) })}
      >
        <div className={css.stages} style={{ marginTop: 6 }}>
          {STAGE_ORDER.filter((stage) => kind.stages.includes(stage)).map((stage) => (
            <Checkbox
              key={stage}
              size="xs"
              value={stage}
              label={STAGES[stage].label}
              description={STAGES[stage].about}
            />
          ))}
        </div>
      </Checkbox.Group>
      {form.stages.includes("input") && (
        <MultiSelect
          label="At the question, messages of"
          description="None chosen: all of them. Application texts are often trusted: then choose the user."
          data={ROLES}
          value={form.roles}
          onChange={(roles) => set({ roles: ROLES.filter((role) => roles.includes(role)) })}
        />
      )}
      <TagsInput
        label="Holds for every call of"
        description="Apps, routes or models; support-* for names that begin so, * for all. Empty: only apps that list it."
        data={called}
        value={form.appliesTo}
        onChange={(appliesTo) => set({ appliesTo })}
      />
    </fieldset>
  );
}

/** Names that clients call. */
function useCalled(project: string): string[] {
  const apps = useQuery({ ...appsQuery(project), staleTime: 30_000 });
  const routes = useQuery({ ...routesQuery(project), staleTime: 30_000 });
  const models = useQuery({ ...modelsQuery(project), staleTime: 30_000 });
  const names = [...(apps.data ?? []), ...(routes.data ?? []), ...(models.data ?? [])].map((each) => each.name);
  return ["*", ...new Set(names)];
}

function Options({ kind, form, set, wrong }: PartProps) {
  const fields = useMemo(() => fieldsOf(kind.options), [kind.options]);
  if (fields.length === 0) return null;
  return (
    <fieldset className={css.form}>
      <legend>What it looks for</legend>
      <Coded text={String(kind.options.description ?? "")} />
      <SchemaForm
        fields={fields}
        form={form.options}
        wrong={wrong}
        onChange={(name, value) => set({ options: { ...form.options, [name]: value } })}
      />
    </fieldset>
  );
}

function Failing({ kind, form, set, wrong }: PartProps) {
  return (
    <details>
      <summary>If it cannot look, and in which order</summary>
      <div className={css.form} style={{ paddingTop: 10 }}>
        <Select
          label="If it cannot look"
          description={
            form.onFailure === "closed"
              ? "It does what it does where it finds something; where that is to redact, the call is stopped."
              : "What it guards passes, and the trace says that nobody looked."
          }
          data={[
            { value: "closed", label: "as if it had found something" },
            { value: "open", label: "let it pass" },
          ]}
          value={form.onFailure}
          allowDeselect={false}
          onChange={(value) => value && set({ onFailure: value as GuardForm["onFailure"] })}
        />
        <Select
          label="What no guard can read"
          description="Pictures, sound, and files that are no text: guards read texts."
          data={[
            { value: "flag", label: "let it pass, and say so on the trace" },
            { value: "block", label: "stop the call" },
            { value: "allow", label: "let it pass, and say nothing" },
          ]}
          value={form.unread}
          allowDeselect={false}
          onChange={(value) => value && set({ unread: value as GuardForm["unread"] })}
        />
        <div className={css.pair}>
          <TextInput
            label="Time to look, in milliseconds"
            value={form.timeout}
            error={wrong.timeout}
            inputMode="numeric"
            onChange={(event) => set({ timeout: event.currentTarget.value })}
          />
          <TextInput
            label="Order"
            description="Lower looks first."
            value={form.order}
            error={wrong.order}
            inputMode="numeric"
            onChange={(event) => set({ order: event.currentTarget.value })}
          />
        </div>
        {kind.needs === "model" && (
          <TextInput
            label="Budget of a day, in dollars"
            description="What its own model calls may cost. Empty: no bound of its own."
            value={form.budget}
            inputMode="decimal"
            onChange={(event) => set({ budget: event.currentTarget.value })}
          />
        )}
      </div>
    </details>
  );
}
