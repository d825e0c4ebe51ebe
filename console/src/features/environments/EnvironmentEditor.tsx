import { ActionIcon, Button, Chip, Group, MultiSelect, SegmentedControl, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { inProject, put } from "@/api/client";
import { environmentsQuery } from "@/api/releases";
import type { EnvironmentView } from "@/api/releaseTypes";
import { suitesQuery } from "@/api/suites";
import { EditDrawer, useAsOpened, useEditing } from "@/ui/EditDrawer";
import {
  asksForVerdicts,
  check,
  DAY_NAMES,
  DAYS,
  type Day,
  type FreezeForm,
  formOf,
  freshFreeze,
  protectionOf,
} from "./environmentForm";
import css from "./environments.module.css";

interface Props {
  project: string;
  environment: EnvironmentView | undefined;
  /** Where a new one goes: after the last. */
  position: number;
  onClose: () => void;
}

/** What a release must show before it may run here, and when nothing may be promoted. */
export function EnvironmentEditor({ project, environment: given, position, onClose }: Props) {
  const environment = useAsOpened(given);
  const editing = useEditing({
    begin: () => formOf(environment, position),
    check,
    save: (form) =>
      put<EnvironmentView>(inProject(project, "environments", form.name), {
        position: Number(form.position),
        default: form.isDefault,
        protection: protectionOf(form),
        expected_revision: environment?.revision ?? 0,
      }),
    stale: [environmentsQuery(project).queryKey],
    onSaved: onClose,
  });
  const { form, set, wrong: errors } = editing;
  return (
    <EditDrawer
      editing={editing}
      title={environment ? `Edit ${environment.name}` : "Add an environment"}
      size={520}
      action={environment ? "Save" : "Add"}
      off={environment !== undefined && !editing.dirty}
      onClose={onClose}
    >
      <div className={css.two}>
        <TextInput
          label="Name"
          description="Clients write app@name."
          value={form.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          disabled={Boolean(environment)}
          error={errors.name}
          data-autofocus={!environment || undefined}
          spellCheck={false}
        />
        <TextInput
          label="Place in order"
          description="From development to production."
          inputMode="numeric"
          value={form.position}
          onChange={(event) => set({ position: event.currentTarget.value })}
          error={errors.position}
        />
      </div>
      <Switch
        label="Clients that name no environment mean this one"
        description="model=&quot;support&quot; is then the same as model=&quot;support@…&quot;. One environment is it."
        checked={form.isDefault}
        disabled={environment?.default}
        onChange={(event) => set({ isDefault: event.currentTarget.checked })}
      />
      <Switch
        label="A release needs a passed gate"
        description="A verdict better or not worse, about exactly what would run."
        checked={form.gate}
        onChange={(event) => set({ gate: event.currentTarget.checked })}
      />
      <Suites project={project} suites={form.suites} onChange={(suites) => set({ suites })} />
      <div className={css.two}>
        {asksForVerdicts(form) && (
          <TextInput
            label="Days a verdict holds"
            description="Older ones do not count."
            inputMode="decimal"
            value={form.gateDays}
            onChange={(event) => set({ gateDays: event.currentTarget.value })}
            error={errors.gateDays}
          />
        )}
        <TextInput
          label="Approvals"
          description="By people other than its author."
          inputMode="numeric"
          value={form.approvals}
          onChange={(event) => set({ approvals: event.currentTarget.value })}
          error={errors.approvals}
        />
      </div>
      <Switch
        label="Whoever promotes must write a note"
        checked={form.note}
        onChange={(event) => set({ note: event.currentTarget.checked })}
      />
      {form.freezes.map((freeze, i) => (
        <FreezeFields
          key={i}
          number={i + 1}
          freeze={freeze}
          error={errors.freezes?.[i]}
          onChange={(change) =>
            set({ freezes: form.freezes.map((each, at) => (at === i ? { ...each, ...change } : each)) })
          }
          onRemove={() => set({ freezes: form.freezes.filter((_, at) => at !== i) })}
        />
      ))}
      <div>
        <Button
          variant="default"
          leftSection={<Plus size={13} />}
          onClick={() =>
            set({ freezes: [...form.freezes, freshFreeze(Intl.DateTimeFormat().resolvedOptions().timeZone)] })
          }
        >
          Add a freeze window
        </Button>
        <p className="muted" style={{ marginTop: 4 }}>
          While it lasts nothing is promoted here. Going back is never held up.
        </p>
      </div>
    </EditDrawer>
  );
}

interface FreezeProps {
  number: number;
  freeze: FreezeForm;
  error: string | undefined;
  onChange: (change: Partial<FreezeForm>) => void;
  onRemove: () => void;
}

function FreezeFields({ number, freeze, error, onChange, onRemove }: FreezeProps) {
  return (
    <fieldset className={css.freeze}>
      <legend>Freeze window {number}</legend>
      <Group gap={8} align="flex-end" wrap="nowrap">
        <TextInput
          label="What for"
          placeholder="weekends"
          style={{ flex: 1 }}
          value={freeze.name}
          onChange={(event) => onChange({ name: event.currentTarget.value })}
        />
        <ActionIcon size={34} onClick={onRemove} aria-label={`Remove freeze window ${number}`}>
          <X size={15} />
        </ActionIcon>
      </Group>
      <SegmentedControl
        size="xs"
        aria-label={`How often freeze window ${number} comes`}
        data={[
          { value: "weekly", label: "Every week" },
          { value: "once", label: "Once" },
        ]}
        value={freeze.kind}
        onChange={(kind) => onChange({ kind: kind as FreezeForm["kind"] })}
      />
      {freeze.kind === "once" ? (
        <div className={css.two}>
          <TextInput
            type="datetime-local"
            label="From"
            value={freeze.start}
            onChange={(event) => onChange({ start: event.currentTarget.value })}
          />
          <TextInput
            type="datetime-local"
            label="To"
            value={freeze.end}
            onChange={(event) => onChange({ end: event.currentTarget.value })}
          />
        </div>
      ) : (
        <>
          <Chip.Group multiple value={freeze.days} onChange={(days) => onChange({ days: days as Day[] })}>
            <Group gap={4} role="group" aria-label={`Days of freeze window ${number}`}>
              {DAYS.map((day) => (
                <Chip key={day} value={day} size="xs">
                  {DAY_NAMES[day].slice(0, 3)}
                </Chip>
              ))}
            </Group>
          </Chip.Group>
          <div className={css.two}>
            <TextInput
              type="time"
              label="From"
              value={freeze.after}
              onChange={(event) => onChange({ after: event.currentTarget.value })}
            />
            <TextInput
              type="time"
              label="To"
              description={freeze.after >= freeze.before ? "The day after." : undefined}
              inputWrapperOrder={["label", "input", "description", "error"]}
              value={freeze.before}
              onChange={(event) => onChange({ before: event.currentTarget.value })}
            />
          </div>
          <TextInput
            label="Time zone"
            value={freeze.timezone}
            onChange={(event) => onChange({ timezone: event.currentTarget.value })}
          />
        </>
      )}
      {error && (
        <p className={css.error} role="alert">
          {error}
        </p>
      )}
    </fieldset>
  );
}

interface SuitesProps {
  project: string;
  suites: string[];
  onChange: (suites: string[]) => void;
}

/** Suites by name; one that is gone stays named until somebody takes it out. */
function Suites({ project, suites, onChange }: SuitesProps) {
  const known = useQuery(suitesQuery(project));
  const names = [...new Set([...(known.data ?? []).map((each) => each.name), ...suites])];
  return (
    <MultiSelect
      label="Suites that must have passed"
      description="Each has been run on exactly what would run, and passed."
      data={names}
      value={suites}
      onChange={onChange}
      placeholder={suites.length === 0 ? "none" : undefined}
    />
  );
}
