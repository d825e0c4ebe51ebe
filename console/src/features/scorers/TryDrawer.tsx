import { Button, Drawer, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Play } from "lucide-react";
import { type FormEvent, useMemo, useState } from "react";
import { inProject, post } from "@/api/client";
import type { ScorerView } from "@/api/evaluationTypes";
import { formatMoney } from "@/lib/money";
import { Tag } from "@/ui/bits";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { SchemaForm } from "./SchemaForm";
import { fieldsOf, read, type Written, written } from "./schemaForm";
import css from "./scorers.module.css";
import { EMPTY, sampleOf, TEXTS, type TryForm } from "./tryForm";

interface Tried {
  outcome: "scored" | "cannot_score";
  value: number | null;
  label: string;
  explanation: string;
  reason: string;
  detail: unknown;
  cost: string | null;
}

interface Props {
  project: string;
  scorer: ScorerView;
  onClose: () => void;
}

/** One answer before one scorer, so that one sees what it says before a suite relies on it. */
export function TryDrawer({ project, scorer, onClose }: Props) {
  const fields = useMemo(() => fieldsOf(scorer.options), [scorer.options]);
  const [options, setOptions] = useState<Record<string, Written>>(() =>
    Object.fromEntries(fields.map((field) => [field.name, written(field, undefined)])),
  );
  const [form, setForm] = useState<TryForm>(EMPTY);
  const { value, wrong } = read(fields, options);
  const sample = sampleOf(form);
  const run = useMutation({
    mutationFn: () =>
      post<Tried>(inProject(project, "scorers", "try"), { scorer: scorer.name, options: value, sample: sample.value }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (Object.keys(wrong).length === 0 && Object.keys(sample.wrong).length === 0) run.mutate();
  };
  const shown = TEXTS.filter(
    (each) => ["output", "expected", "input"].includes(each.field) || scorer.needs.includes(each.field),
  );
  return (
    <Drawer opened onClose={onClose} position="right" size={560} title={<strong>Try {scorer.name}</strong>}>
      <form className={css.form} onSubmit={submit} noValidate>
        <p className="muted">{scorer.about}</p>
        {shown.map(({ field, label, about }) => (
          <Textarea
            key={field}
            label={label}
            description={about}
            required={scorer.needs.includes(field)}
            autosize
            minRows={field === "output" ? 3 : 1}
            maxRows={10}
            value={form[field]}
            error={sample.wrong[field]}
            onChange={(event) => setForm({ ...form, [field]: event.currentTarget.value })}
          />
        ))}
        <details open={fields.some((field) => field.required)}>
          <summary>Options</summary>
          <div className={css.options}>
            <SchemaForm
              fields={fields}
              form={options}
              wrong={wrong}
              onChange={(name, next) => setOptions((now) => ({ ...now, [name]: next }))}
            />
          </div>
        </details>
        {run.isError && <ProblemNotice error={run.error} />}
        {run.data && <Result told={run.data} />}
        <div className={css.foot}>
          <Button type="submit" size="sm" leftSection={<Play size={14} />} loading={run.isPending}>
            Judge it
          </Button>
        </div>
      </form>
    </Drawer>
  );
}

function Result({ told }: { told: Tried }) {
  if (told.outcome === "cannot_score")
    return (
      <Notice tone="warn" title="It cannot score this">
        {told.reason}
      </Notice>
    );
  return (
    <section className={css.result} aria-label="What it says" data-testid="result">
      <div className={css.value}>
        {told.value === null ? told.label : Number(told.value.toPrecision(4))}{" "}
        {told.value !== null && told.label && <Tag>{told.label}</Tag>}
      </div>
      {told.explanation && <p>{told.explanation}</p>}
      {told.detail != null && <pre>{JSON.stringify(told.detail, null, 2)}</pre>}
      <p className="muted">The judging cost {told.cost === null ? "is not known" : formatMoney(told.cost)}.</p>
    </section>
  );
}
