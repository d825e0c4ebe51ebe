import { ActionIcon, Button, Select, Switch, TextInput } from "@mantine/core";
import { Plus, X } from "lucide-react";
import { useMemo, useState } from "react";
import type { ScorerView } from "@/api/evaluationTypes";
import { SchemaForm } from "@/features/scorers/SchemaForm";
import { fieldsOf, read, type Written, written } from "@/features/scorers/schemaForm";
import { useScorers } from "@/features/scorers/useScorers";
import { Tag } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import { type ScorerForm, scorerForm } from "./suiteForm";
import css from "./suites.module.css";

interface Props {
  project: string;
  scorers: ScorerForm[];
  wrong: Record<string, string>;
  onChange: (scorers: ScorerForm[]) => void;
}

const UNITS = { share: "between 0 and 1", number: "in its own unit", label: "words" };

/** What judges the answers: each with its options, the bound it must keep and the margin that matters. */
export function ScorerFields({ project, scorers, wrong, onChange }: Props) {
  const known = useScorers(project);
  const groups = grouped(known.scorers);
  const set = (at: number, change: Partial<ScorerForm>) =>
    onChange(scorers.map((each, i) => (i === at ? { ...each, ...change } : each)));
  return (
    <fieldset className={css.scorers}>
      <legend>Scorers</legend>
      {known.error && <ProblemNotice error={known.error} retry={known.refetch} />}
      {scorers.map((each, i) => (
        <OneScorer
          key={i}
          form={each}
          scorer={known.scorers.find((one) => one.name === each.scorer)}
          wrong={(field) => wrong[`scorers.${i}.${field}`]}
          onChange={(change) => set(i, change)}
          onRemove={() => onChange(scorers.filter((_, at) => at !== i))}
        />
      ))}
      <Select
        aria-label="Add a scorer"
        placeholder="Add a scorer…"
        leftSection={<Plus size={14} />}
        data={groups}
        value={null}
        searchable
        error={wrong.scorers}
        onChange={(value) => value && onChange([...scorers, scorerForm({ scorer: value })])}
      />
    </fieldset>
  );
}

function grouped(known: readonly ScorerView[]) {
  const item = (each: ScorerView) => ({ value: each.name, label: `${each.name}: ${each.about.split(". ")[0]}` });
  const mine = known.filter((each) => each.name.startsWith("judge:"));
  const models = known.filter((each) => each.source === "llm" && !each.name.startsWith("judge:"));
  const code = known.filter((each) => each.source === "code" && !each.name.startsWith("judge:"));
  return [
    { group: "Your judges", items: mine.map(item) },
    { group: "Code: no model is asked", items: code.map(item) },
    { group: "A model judges", items: models.map(item) },
  ].filter((each) => each.items.length > 0);
}

interface OneProps {
  form: ScorerForm;
  scorer: ScorerView | undefined;
  wrong: (field: string) => string | undefined;
  onChange: (change: Partial<ScorerForm>) => void;
  onRemove: () => void;
}

function OneScorer({ form, scorer, wrong, onChange, onRemove }: OneProps) {
  const [open, setOpen] = useState(false);
  const unit = scorer ? UNITS[scorer.kind] : "";
  const text = (field: "atLeast" | "atMost" | "margin" | "name", label: string, about: string) => (
    <TextInput
      size="xs"
      label={label}
      description={about}
      inputMode={field === "name" ? undefined : "decimal"}
      value={form[field]}
      error={wrong(field)}
      onChange={(event) => onChange({ [field]: event.currentTarget.value })}
      spellCheck={false}
    />
  );
  return (
    <div className={css.scorer} data-scorer={form.scorer}>
      <div className={css.scorerHead}>
        <strong className="mono">{form.scorer}</strong>
        {scorer?.source === "llm" && (
          <Tag title="Each answer is judged by a call of a model, which costs.">a model</Tag>
        )}
        <span className="muted ellipsis">{scorer?.about}</span>
        <ActionIcon onClick={onRemove} aria-label={`Remove ${form.name || form.scorer}`}>
          <X size={14} />
        </ActionIcon>
      </div>
      <div className={css.bounds}>
        {text("atLeast", "At least", unit || "no bound if empty")}
        {text("atMost", "At most", unit || "no bound if empty")}
        {text("margin", "Margin", form.relative ? "as a share of B" : "worse by up to this is not worse")}
        {text("name", "Called", "if used twice")}
      </div>
      <div className={css.switches}>
        <Switch
          size="xs"
          label="The outcome rests on it"
          checked={form.required}
          onChange={(event) => onChange({ required: event.currentTarget.checked })}
        />
        <Switch
          size="xs"
          label="Margin is relative"
          checked={form.relative}
          onChange={(event) => onChange({ relative: event.currentTarget.checked })}
        />
        {scorer && (
          <Button variant="subtle" size="compact-xs" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "Hide options" : "Options"}
            {Object.keys(form.options).length > 0 ? ` (${Object.keys(form.options).length} set)` : ""}
          </Button>
        )}
      </div>
      {wrong("options") && !open && <p className={css.error}>{wrong("options")}</p>}
      {scorer && open && <Options scorer={scorer} form={form} onChange={onChange} />}
    </div>
  );
}

interface OptionsProps {
  scorer: ScorerView;
  form: Pick<ScorerForm, "options">;
  onChange: (change: Pick<ScorerForm, "options" | "optionsWrong">) => void;
}

/** What a scorer may be set to, a field each. */
export function Options({ scorer, form, onChange }: OptionsProps) {
  const fields = useMemo(() => fieldsOf(scorer.options), [scorer.options]);
  const [texts, setTexts] = useState<Record<string, Written>>(() =>
    Object.fromEntries(fields.map((field) => [field.name, written(field, form.options[field.name])])),
  );
  const { wrong } = read(fields, texts);
  const set = (name: string, value: Written) => {
    const next = { ...texts, [name]: value };
    setTexts(next);
    const found = read(fields, next);
    onChange({ options: found.value, optionsWrong: Object.keys(found.wrong).length > 0 });
  };
  return (
    <div className={css.options}>
      <SchemaForm fields={fields} form={texts} wrong={wrong} onChange={set} />
    </div>
  );
}
