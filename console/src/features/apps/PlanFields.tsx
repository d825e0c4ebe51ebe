import { ActionIcon, Button, Select, TagsInput, Textarea, TextInput } from "@mantine/core";
import { Plus, X } from "lucide-react";
import type { RolloutKind } from "@/api/releaseTypes";
import { JsonInput } from "@/ui/JsonInput";
import { KINDS, STICKY } from "../rollouts/words";
import css from "./apps.module.css";
import { DIMENSIONS, type PlanErrors, type PlanForm, type StepForm } from "./planForm";

interface Props {
  form: PlanForm;
  errors: PlanErrors;
  set: (change: Partial<PlanForm>) => void;
  /** Nothing runs there yet: there is nothing to compare with. */
  empty: boolean;
}

const RULES = `{
  "guards": [{"metric": "errors"}, {"metric": "latency", "margin": 0.2}, {"metric": "score:helpful"}],
  "rules": ["any worse -> rollback", "errors above 20 % after 50 -> rollback", "all not_worse and samples and held -> next"]
}`;

/** How it is moved: the kind, and what that kind needs to know. */
export function PlanFields({ form, errors, set, empty }: Props) {
  const kinds = (Object.keys(KINDS) as RolloutKind[]).map((value) => ({
    value,
    label: KINDS[value].label,
    disabled: empty && value !== "direct",
  }));
  return (
    <>
      <Select
        label="How"
        description={empty ? "Nothing runs there yet, so there is nothing to compare with." : KINDS[form.kind].what}
        data={kinds}
        value={form.kind}
        allowDeselect={false}
        onChange={(kind) => kind && set({ kind: kind as RolloutKind })}
      />
      {form.kind === "canary" && (
        <StepFields steps={form.steps} error={errors.steps} onChange={(steps) => set({ steps })} />
      )}
      {(form.kind === "ab" || form.kind === "shadow") && (
        <div className={css.sections}>
          <TextInput
            label={form.kind === "shadow" ? "Share of calls copied, in percent" : "Share of the traffic, in percent"}
            inputMode="decimal"
            rightSection="%"
            value={form.share}
            onChange={(event) => set({ share: event.currentTarget.value })}
            error={errors.share}
          />
          {form.kind === "shadow" && (
            <TextInput
              label="What the copies may cost in all"
              inputMode="decimal"
              leftSection="$"
              value={form.budget}
              onChange={(event) => set({ budget: event.currentTarget.value })}
              error={errors.budget}
            />
          )}
        </div>
      )}
      {form.kind === "segments" && (
        <fieldset className={css.pairs}>
          <legend>For whom</legend>
          <p className="muted">Any of what is listed, in each that lists something. A value may end in *.</p>
          {DIMENSIONS.map((name) => (
            <TagsInput
              key={name}
              label={name}
              value={form.segment[name]}
              onChange={(values) => set({ segment: { ...form.segment, [name]: values } })}
              splitChars={[","]}
            />
          ))}
          <Textarea
            label="metadata"
            description="name: value, a line each"
            autosize
            minRows={1}
            value={form.metadata}
            onChange={(event) => set({ metadata: event.currentTarget.value })}
          />
          {errors.segment && (
            <p className={css.error} role="alert">
              {errors.segment}
            </p>
          )}
        </fieldset>
      )}
      {form.kind !== "direct" && form.kind !== "segments" && (
        <Select
          label="Who stays with whom"
          description={STICKY[form.sticky]}
          data={[
            { value: "user", label: "By user" },
            { value: "session", label: "By session" },
            { value: "request", label: "By call" },
          ]}
          value={form.sticky}
          allowDeselect={false}
          onChange={(sticky) => sticky && set({ sticky: sticky as PlanForm["sticky"] })}
        />
      )}
      {form.kind !== "direct" && (
        <details>
          <summary>Rules of its own</summary>
          <JsonInput
            label="Guard metrics and rules"
            description="Empty: errors, latency and cost, by the rules of the server."
            placeholder={RULES}
            value={form.rules}
            onChange={(rules) => set({ rules })}
            error={errors.rules}
          />
        </details>
      )}
    </>
  );
}

interface StepsProps {
  steps: StepForm[];
  error: string | undefined;
  onChange: (steps: StepForm[]) => void;
}

function StepFields({ steps, error, onChange }: StepsProps) {
  const set = (at: number, change: Partial<StepForm>) =>
    onChange(steps.map((step, i) => (i === at ? { ...step, ...change } : step)));
  const next = { share: "100", minutes: "30", samples: "500" };
  return (
    <fieldset className={css.pairs}>
      <legend>Steps</legend>
      <p className="muted">Each lasts at least so long and so many calls; after the last it is promoted.</p>
      <div className={css.steps}>
        {steps.map((step, i) => (
          <div key={i} className={css.step}>
            <span className="num muted">{i + 1}.</span>
            <TextInput
              size="xs"
              label="Share %"
              inputMode="decimal"
              aria-label={`Share of step ${i + 1}, in percent`}
              value={step.share}
              onChange={(event) => set(i, { share: event.currentTarget.value })}
            />
            <TextInput
              size="xs"
              label="Minutes"
              inputMode="decimal"
              aria-label={`Minutes of step ${i + 1}`}
              value={step.minutes}
              onChange={(event) => set(i, { minutes: event.currentTarget.value })}
            />
            <TextInput
              size="xs"
              label="Calls"
              inputMode="numeric"
              aria-label={`Calls of step ${i + 1}`}
              value={step.samples}
              onChange={(event) => set(i, { samples: event.currentTarget.value })}
            />
            <ActionIcon onClick={() => onChange(steps.filter((_, at) => at !== i))} aria-label={`Remove step ${i + 1}`}>
              <X size={14} />
            </ActionIcon>
          </div>
        ))}
      </div>
      {error && (
        <p className={css.error} role="alert">
          {error}
        </p>
      )}
      <div>
        <Button
          variant="default"
          size="compact-xs"
          leftSection={<Plus size={12} />}
          onClick={() => onChange([...steps, next])}
        >
          Add a step
        </Button>
      </div>
    </fieldset>
  );
}
