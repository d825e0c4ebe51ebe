import { ActionIcon, SegmentedControl, Select, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { onlineRulesKey, putOnlineRule } from "@/api/quality";
import type { RuleView } from "@/api/qualityTypes";
import { suitesQuery } from "@/api/suites";
import { useScorers } from "@/features/scorers/useScorers";
import { Options } from "@/features/suites/ScorerFields";
import { EditDrawer, useAsOpened, useEditing } from "@/ui/EditDrawer";
import { ProblemNotice } from "@/ui/Notice";
import css from "./quality.module.css";
import { choice, formOf, type RuleForm, read, type ScorerChoice, type Wrong } from "./ruleForm";

interface Props {
  project: string;
  rule: RuleView | undefined;
  onClose: () => void;
}

const KINDS = [
  { value: "online", label: "Score live answers" },
  { value: "schedule", label: "Run a suite" },
];

/** Which answers are looked at, by what, for how much; or which suite runs on what, how often. */
export function RuleEditor({ project, rule, onClose }: Props) {
  const was = useAsOpened(rule);
  const editing = useEditing({
    begin: () => formOf(was),
    check: (form) => read(form).wrong,
    save: (form) =>
      putOnlineRule(project, form.name, {
        spec: read(form).spec,
        paused: was?.paused ?? false,
        expected_revision: was?.revision ?? 0,
      }),
    stale: [onlineRulesKey(project)],
    onSaved: onClose,
  });
  const { form, set, wrong } = editing;
  return (
    <EditDrawer
      editing={editing}
      title={was ? `Edit ${was.name}` : "New rule"}
      size={580}
      action={was ? "Save" : "Make it"}
      off={was !== undefined && !editing.dirty}
      free={["range", "start", "end"]}
      onClose={onClose}
    >
      {!was && (
        <SegmentedControl
          size="xs"
          aria-label="What it does"
          data={KINDS}
          value={form.kind}
          onChange={(kind) => set({ kind: kind as RuleForm["kind"], budget: kind === "online" ? "1" : "" })}
        />
      )}
      <Text form={form} field="name" label="Name" wrong={wrong} set={set} off={was !== undefined} />
      <Text form={form} field="description" label="What it is for" wrong={wrong} set={set} />
      {form.kind === "online" ? (
        <Online project={project} form={form} wrong={wrong} set={set} />
      ) : (
        <Schedule project={project} form={form} wrong={wrong} set={set} />
      )}
    </EditDrawer>
  );
}

interface PartProps {
  form: RuleForm;
  wrong: Wrong;
  set: (change: Partial<RuleForm>) => void;
}

type TextField =
  | "name"
  | "description"
  | "app"
  | "environment"
  | "q"
  | "share"
  | "budget"
  | "subject"
  | "hours"
  | "against";

interface TextProps extends PartProps {
  field: TextField;
  label: string;
  about?: string;
  off?: boolean;
}

const Text = ({ form, field, label, about, wrong, set, off }: TextProps) => (
  <TextInput
    label={label}
    description={about}
    value={form[field]}
    error={wrong[field]}
    disabled={off}
    onChange={(event) => set({ [field]: event.currentTarget.value })}
    spellCheck={field === "description"}
  />
);

function Online({ project, ...part }: PartProps & { project: string }) {
  return (
    <>
      <Scorers project={project} {...part} />
      <div className={css.two}>
        <Text {...part} field="app" label="App" about="Empty: every app's answers." />
        <Text {...part} field="environment" label="Environment" about="Empty: every one." />
      </div>
      <Text {...part} field="q" label="Only of the search" about="As on the page of traces, e.g. feature:checkout" />
      <div className={css.two}>
        <Text {...part} field="share" label="Share of them, %" about="Always the same ones, by their trace." />
        <Text {...part} field="budget" label="Budget, US dollars a day" about="For models that judge." />
      </div>
    </>
  );
}

function Schedule({ project, ...part }: PartProps & { project: string }) {
  const suites = useQuery(suitesQuery(project));
  const { form, wrong, set } = part;
  return (
    <>
      {suites.isError && <ProblemNotice error={suites.error} retry={() => void suites.refetch()} />}
      <Select
        label="Suite"
        data={(suites.data ?? []).map((each) => each.name)}
        value={form.suite || null}
        error={wrong.suite}
        searchable
        onChange={(suite) => set({ suite: suite ?? "" })}
      />
      <div className={css.two}>
        <Text {...part} field="subject" label="Put to" about="A model, a release, or app@environment: what serves." />
        <Text {...part} field="hours" label="Every so many hours" about="At once, and then at this beat." />
        {!form.alone && (
          <Text {...part} field="against" label="Compared with" about="Empty: with what the suite says." />
        )}
        <Text {...part} field="budget" label="Budget of a run, US dollars" about="Empty: the suite's." />
      </div>
      <Switch
        size="xs"
        label="Compare with nothing: only the suite's bounds count"
        checked={form.alone}
        onChange={(event) => set({ alone: event.currentTarget.checked })}
      />
    </>
  );
}

function Scorers({ project, form, wrong, set }: PartProps & { project: string }) {
  const known = useScorers(project);
  const change = (at: number, one: Partial<ScorerChoice>) =>
    set({ scorers: form.scorers.map((each, i) => (i === at ? { ...each, ...one } : each)) });
  return (
    <fieldset className={css.rows}>
      <legend>Scorers</legend>
      {known.error && <ProblemNotice error={known.error} retry={known.refetch} />}
      {form.scorers.map((each, i) => {
        const scorer = known.scorers.find((one) => one.name === each.scorer);
        return (
          <div key={i} className={css.row} data-scorer={each.scorer}>
            <div className={css.rowHead}>
              <strong className="mono">{each.scorer}</strong>
              <ActionIcon
                onClick={() => set({ scorers: form.scorers.filter((_, at) => at !== i) })}
                aria-label={`Remove ${each.scorer}`}
              >
                <X size={14} />
              </ActionIcon>
            </div>
            <TextInput
              size="xs"
              label="Its scores are called"
              placeholder={each.scorer}
              value={each.name}
              onChange={(event) => change(i, { name: event.currentTarget.value })}
              spellCheck={false}
            />
            {scorer && <Options scorer={scorer} form={each} onChange={(options) => change(i, options)} />}
          </div>
        );
      })}
      <Select
        aria-label="Add a scorer"
        placeholder="Add a scorer…"
        leftSection={<Plus size={14} />}
        data={known.scorers.map((each) => ({ value: each.name, label: `${each.name}: ${each.about.split(". ")[0]}` }))}
        value={null}
        searchable
        error={wrong.scorers}
        onChange={(value) => value && set({ scorers: [...form.scorers, choice(value)] })}
      />
    </fieldset>
  );
}
