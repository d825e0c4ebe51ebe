import { NumberInput, SegmentedControl, Select, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { inProject, put } from "@/api/client";
import { datasetsQuery, datasetVersionsQuery } from "@/api/datasets";
import type { SuiteView } from "@/api/evaluationTypes";
import { sampleSizeQuery, suitesKey } from "@/api/suites";
import { useScorers } from "@/features/scorers/useScorers";
import { EditDrawer, useAsOpened, useEditing } from "@/ui/EditDrawer";
import { Notice } from "@/ui/Notice";
import { ScorerFields } from "./ScorerFields";
import { EMPTY, formOf, read, type SuiteForm } from "./suiteForm";
import css from "./suites.module.css";

interface Props {
  project: string;
  suite: SuiteView | undefined;
  /** The dataset a new one begins with. */
  dataset?: string;
  onClose: () => void;
  onSaved: (name: string) => void;
}

/** What is asked of whom and what it has to reach. */
export function SuiteEditor({ project, suite: given, dataset = "", onClose, onSaved }: Props) {
  const suite = useAsOpened(given);
  const editing = useEditing({
    begin: () => formOf(suite?.name ?? "", suite?.spec ?? { ...EMPTY, dataset }),
    check: (form) => read(form).wrong,
    save: (form) =>
      put<SuiteView>(inProject(project, "suites", form.name), {
        spec: read(form).spec,
        expected_revision: suite?.revision ?? 0,
      }),
    stale: [suitesKey(project)],
    onSaved: (saved) => onSaved(saved.name),
  });
  const { form, set, wrong } = editing;
  const faults = Object.keys(wrong).length;
  return (
    <EditDrawer
      editing={editing}
      title={suite ? `Edit ${suite.name}` : "New suite"}
      size={640}
      action={suite ? "Save" : "Make it"}
      off={suite !== undefined && !editing.dirty}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        value={form.name}
        disabled={Boolean(suite)}
        error={wrong.name}
        onChange={(event) => set({ name: event.currentTarget.value })}
        data-autofocus={!suite || undefined}
        spellCheck={false}
      />
      <Textarea
        label="What it is for"
        autosize
        minRows={1}
        value={form.description}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
      <Cases project={project} form={form} set={set} wrong={wrong} />
      <ScorerFields project={project} scorers={form.scorers} wrong={wrong} onChange={(scorers) => set({ scorers })} />
      <Rule project={project} form={form} set={set} wrong={wrong} />
      <Bounds form={form} set={set} wrong={wrong} />
      {faults > 0 && (
        <p className={css.error} role="alert">
          {faults === 1 ? "One thing is" : `${faults} things are`} not right yet.
        </p>
      )}
    </EditDrawer>
  );
}

interface PartProps {
  form: SuiteForm;
  set: (change: Partial<SuiteForm>) => void;
  wrong: Record<string, string>;
}

function Cases({ project, form, set, wrong }: PartProps & { project: string }) {
  const datasets = useQuery(datasetsQuery(project));
  const versions = useQuery({ ...datasetVersionsQuery(project, form.dataset), enabled: form.dataset !== "" });
  const names = (datasets.data ?? []).map((each) => each.name);
  const newest = versions.data?.[0];
  const splits = Object.keys(newest?.splits ?? {}).filter(Boolean);
  return (
    <>
      <div className={css.two}>
        <Select
          label="Dataset"
          data={form.dataset && !names.includes(form.dataset) ? [form.dataset, ...names] : names}
          value={form.dataset || null}
          allowDeselect={false}
          error={wrong.dataset}
          nothingFoundMessage="There is none yet: make one on the page Datasets."
          onChange={(value) => set({ dataset: value ?? "", version: "", split: "" })}
        />
        <Select
          label="Version"
          data={[
            { value: "", label: "the newest, whenever it runs" },
            ...(versions.data ?? []).map((each) => ({
              value: String(each.number),
              label: `${each.number}: ${each.message || `${each.cases} cases`}`,
            })),
          ]}
          value={form.version}
          allowDeselect={false}
          onChange={(value) => set({ version: value ?? "" })}
        />
      </div>
      <div className={css.two}>
        <Select
          label="Split"
          data={[{ value: "", label: "all cases" }, ...splits.map((each) => ({ value: each, label: each }))]}
          value={form.split}
          allowDeselect={false}
          onChange={(value) => set({ split: value ?? "" })}
        />
        <TagsInput label="Only with the tags" value={form.tags} onChange={(tags) => set({ tags })} splitChars={[","]} />
      </div>
    </>
  );
}

function Rule({ project, form, set, wrong }: PartProps & { project: string }) {
  return (
    <>
      <div>
        <div className={css.label}>To pass, the new one must be</div>
        <SegmentedControl
          fullWidth
          size="xs"
          aria-label="To pass, the new one must be"
          data={[
            { value: "not_worse", label: "Not worse" },
            { value: "better", label: "Better" },
          ]}
          value={form.rule}
          onChange={(value) => set({ rule: value as SuiteForm["rule"] })}
        />
      </div>
      <div className={css.two}>
        <TextInput
          label="Than"
          description="A release, an environment, a model or parent; chosen at the run if empty."
          placeholder="production"
          value={form.against}
          onChange={(event) => set({ against: event.currentTarget.value })}
          spellCheck={false}
        />
        <NumberInput
          label="Answers to each case"
          description="More than one shows which cases are flaky."
          min={1}
          max={100}
          value={form.repeats}
          error={wrong.repeats}
          onChange={(value) => set({ repeats: String(value) })}
        />
      </div>
      <SampleSize project={project} form={form} />
    </>
  );
}

/** How many cases a margin takes is said before anything is spent. */
function SampleSize({ project, form }: { project: string; form: SuiteForm }) {
  const { scorers } = useScorers(project);
  const versions = useQuery({ ...datasetVersionsQuery(project, form.dataset), enabled: form.dataset !== "" });
  const newest = versions.data?.find((each) => form.version === "" || String(each.number) === form.version);
  const cases = form.split ? newest?.splits[form.split] : newest?.cases;
  const asked = form.scorers.filter((each) => Number(each.margin) > 0 && Number(each.margin) <= 1 && !each.relative);
  const shares = asked.filter((each) => scorers.find((one) => one.name === each.scorer)?.kind === "share");
  if (asked.length === 0)
    return (
      <p className="muted">
        Give a scorer a margin: how much worse is still not worse. Without one only “better” and “worse” can be told.
      </p>
    );
  return (
    <>
      {shares.map((each) => (
        <Needed
          key={each.name || each.scorer}
          project={project}
          name={each.name || each.scorer}
          margin={Number(each.margin)}
          cases={cases}
          repeats={Math.max(1, Number(form.repeats) || 1)}
        />
      ))}
    </>
  );
}

interface NeededProps {
  project: string;
  name: string;
  margin: number;
  cases: number | undefined;
  repeats: number;
}

function Needed({ project, name, margin, cases, repeats }: NeededProps) {
  const body = { margin, repeats, ...(cases !== undefined && cases >= 2 ? { cases } : {}) };
  const [settled] = useDebouncedValue(body, 300);
  const found = useQuery(sampleSizeQuery(project, settled));
  if (!found.data) return null;
  const few = cases !== undefined && cases < found.data.cases;
  return (
    <Notice
      tone={few ? "warn" : "good"}
      title={`${name}: ${few ? "too few cases for this margin" : "enough cases for this margin"}`}
    >
      {found.data.says}
    </Notice>
  );
}

function Bounds({ form, set, wrong }: PartProps) {
  const field = (name: keyof SuiteForm & string, label: string, about: string) => (
    <TextInput
      label={label}
      description={about}
      inputMode="decimal"
      value={String(form[name])}
      error={wrong[name]}
      onChange={(event) => set({ [name]: event.currentTarget.value })}
    />
  );
  return (
    <details className={css.more}>
      <summary>Bounds of money, time and what may be missing</summary>
      <div className={css.two}>
        {field("budget", "Budget, $", "Answers and judges together; none if empty.")}
        {field("concurrency", "At once", "Calls under way.")}
        {field("costMargin", "Dearer by up to, %", "Counts as not worse; not compared if empty.")}
        {field("latencyMargin", "Slower by up to, %", "Counts as not worse; not compared if empty.")}
        {field("mostUnscored", "Could not score, at most %", "Above it there is not enough data.")}
        {field("mostErrors", "Without an answer, at most %", "Above it there is not enough data.")}
        {field("alpha", "Alpha", "The share of false alarms that is accepted.")}
        {field("freshnessDays", "A run counts for, days", "Then a gate asks for a new one.")}
      </div>
    </details>
  );
}
