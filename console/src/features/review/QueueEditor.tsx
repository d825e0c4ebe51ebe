import { ActionIcon, Button, MultiSelect, Select, Switch, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { datasetsQuery } from "@/api/datasets";
import { putQueue, reviewKey } from "@/api/review";
import type { QueueView } from "@/api/reviewTypes";
import { useScorers } from "@/features/scorers/useScorers";
import { EditDrawer, useAsOpened, useEditing } from "@/ui/EditDrawer";
import { Holds } from "./Holds";
import { type CriterionForm, criterionForm, formOf, type QueueForm, read, STARTER } from "./queueForm";
import { Rules } from "./Rules";
import css from "./review.module.css";

interface Props {
  project: string;
  queue: QueueView | undefined;
  onClose: () => void;
}

/** What people are asked of an answer, and which answers come to them. */
export function QueueEditor({ project, queue: given, onClose }: Props) {
  const queue = useAsOpened(given);
  const was = queue?.spec ?? STARTER;
  const editing = useEditing({
    begin: () => formOf(queue?.name ?? "", was),
    check: (form) => read(form, was).wrong,
    save: (form) => putQueue(project, form.name, read(form, was).spec, queue?.revision ?? 0),
    stale: [reviewKey(project)],
    onSaved: onClose,
  });
  const { form, set, wrong } = editing;
  return (
    <EditDrawer
      editing={editing}
      title={queue ? `Edit ${queue.name}` : "New queue"}
      size={620}
      action={queue ? "Save" : "Make it"}
      off={queue !== undefined && !editing.dirty}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        value={form.name}
        disabled={Boolean(queue)}
        error={wrong.name}
        onChange={(event) => set({ name: event.currentTarget.value })}
        data-autofocus={!queue || undefined}
        spellCheck={false}
      />
      <TextInput
        label="What it is for"
        value={form.description}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
      <Textarea
        label="Instructions"
        description="Shown beside every answer."
        autosize
        minRows={2}
        value={form.instructions}
        onChange={(event) => set({ instructions: event.currentTarget.value })}
      />
      <Criteria project={project} criteria={form.criteria} wrong={wrong} onChange={(criteria) => set({ criteria })} />
      <Rules rules={form.rules} wrong={wrong} onChange={(rules) => set({ rules })} />
      <Holds form={form} wrong={wrong} set={set} />
      <Datasets project={project} datasets={form.datasets} onChange={(datasets) => set({ datasets })} />
      <Bounds form={form} wrong={wrong} set={set} />
    </EditDrawer>
  );
}

interface DatasetsProps {
  project: string;
  datasets: string[];
  onChange: (datasets: string[]) => void;
}

/** One that was put away since stays in the list until it is taken out. */
function Datasets({ project, datasets, onChange }: DatasetsProps) {
  const found = useQuery(datasetsQuery(project));
  const names = new Set([...(found.data ?? []).map((each) => each.name), ...datasets]);
  return (
    <MultiSelect
      label="Datasets that reviewers may put cases into"
      description="Whoever may write datasets may do so anyway, into any."
      placeholder={datasets.length === 0 ? "none" : undefined}
      data={[...names].sort()}
      value={datasets}
      onChange={onChange}
      searchable
      clearable
      clearButtonProps={{ "aria-label": "Name none" }}
      nothingFoundMessage="There is no such dataset."
    />
  );
}

interface BoundsProps {
  form: QueueForm;
  wrong: Record<string, string>;
  set: (change: Partial<QueueForm>) => void;
}

function Bounds({ form, wrong, set }: BoundsProps) {
  return (
    <div className={css.two}>
      <TextInput
        label="To be answered within, hours"
        inputMode="decimal"
        value={form.hours}
        error={wrong.hours}
        onChange={(event) => set({ hours: event.currentTarget.value })}
      />
      <TextInput
        label="A claim lasts, minutes"
        inputMode="decimal"
        value={form.leaseMinutes}
        error={wrong.leaseMinutes}
        onChange={(event) => set({ leaseMinutes: event.currentTarget.value })}
      />
      <TextInput
        label="Seen by two, % of them"
        description="Blind; where they differ a third decides. It measures agreement."
        inputMode="decimal"
        value={form.doubleShare}
        error={wrong.doubleShare}
        onChange={(event) => set({ doubleShare: event.currentTarget.value })}
      />
      <Switch
        mt={22}
        label="Hide judges' scores"
        description="Until one has decided: they would be followed."
        checked={form.hideScores}
        onChange={(event) => set({ hideScores: event.currentTarget.checked })}
      />
    </div>
  );
}

const KINDS = [
  { value: "pass_fail", label: "Pass or fail" },
  { value: "scale", label: "A scale" },
  { value: "choice", label: "One of several" },
  { value: "text", label: "A text" },
];

interface CriteriaProps {
  project: string;
  criteria: CriterionForm[];
  wrong: Record<string, string>;
  onChange: (criteria: CriterionForm[]) => void;
}

function Criteria({ project, criteria, wrong, onChange }: CriteriaProps) {
  const judges = useScorers(project).scorers.filter((each) => each.source === "llm");
  const set = (at: number, change: Partial<CriterionForm>) =>
    onChange(criteria.map((each, i) => (i === at ? { ...each, ...change } : each)));
  return (
    <fieldset className={css.rows}>
      <legend>Questions</legend>
      {criteria.map((each, i) => (
        <OneCriterion
          key={i}
          number={i + 1}
          form={each}
          judges={judges.map((one) => one.name)}
          wrong={(field) => wrong[`criteria.${i}.${field}`]}
          onChange={(change) => set(i, change)}
          onRemove={() => onChange(criteria.filter((_, at) => at !== i))}
        />
      ))}
      <div>
        <Button
          variant="default"
          size="compact-xs"
          leftSection={<Plus size={12} />}
          onClick={() => onChange([...criteria, criterionForm({ name: "" })])}
        >
          Add a question
        </Button>
      </div>
    </fieldset>
  );
}

interface OneProps {
  number: number;
  form: CriterionForm;
  judges: string[];
  wrong: (field: string) => string | undefined;
  onChange: (change: Partial<CriterionForm>) => void;
  onRemove: () => void;
}

function OneCriterion({ number, form, judges, wrong, onChange, onRemove }: OneProps) {
  return (
    <div className={css.row}>
      <div className={css.rowHead}>
        <TextInput
          size="xs"
          aria-label={`Question ${number}`}
          placeholder="Is the answer right and complete?"
          value={form.question}
          onChange={(event) => onChange({ question: event.currentTarget.value })}
        />
        <ActionIcon onClick={onRemove} aria-label={`Remove question ${number}`}>
          <X size={14} />
        </ActionIcon>
      </div>
      <div className={css.two}>
        <TextInput
          size="xs"
          label="Its score is called"
          value={form.name}
          error={wrong("name")}
          onChange={(event) => onChange({ name: event.currentTarget.value })}
          spellCheck={false}
        />
        <Select
          size="xs"
          label="Answered by"
          data={KINDS}
          value={form.kind}
          allowDeselect={false}
          onChange={(kind) => onChange({ kind: kind as CriterionForm["kind"] })}
        />
        {form.kind === "scale" && (
          <>
            <TextInput
              size="xs"
              label="Lowest"
              value={form.low}
              error={wrong("low")}
              onChange={(event) => onChange({ low: event.currentTarget.value })}
            />
            <TextInput
              size="xs"
              label="Highest"
              value={form.high}
              error={wrong("high")}
              onChange={(event) => onChange({ high: event.currentTarget.value })}
            />
          </>
        )}
        {form.kind === "choice" && (
          <TagsInput
            size="xs"
            label="Choices"
            value={form.choices}
            error={wrong("choices")}
            onChange={(choices) => onChange({ choices })}
            splitChars={[","]}
          />
        )}
        <Select
          size="xs"
          label="The judge that answers it, too"
          data={[{ value: "", label: "none" }, ...judges.map((name) => ({ value: name, label: name }))]}
          value={form.judge}
          allowDeselect={false}
          onChange={(judge) => onChange({ judge: judge ?? "" })}
        />
      </div>
      <Switch
        size="xs"
        label="Must be answered"
        checked={form.required}
        onChange={(event) => onChange({ required: event.currentTarget.checked })}
      />
    </div>
  );
}
