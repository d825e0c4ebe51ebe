import { Button, MultiSelect, Select, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { datasetsQuery } from "@/api/datasets";
import type { Stage } from "@/api/guards";
import { READ_ONLY, useMay } from "@/lib/role";
import { Notice } from "@/ui/Notice";
import { PlainButton } from "@/ui/PlainButton";
import css from "./guards.module.css";
import { BUDGETS, draftFault, type PointDraft } from "./point";
import { STAGES } from "./words";

interface Props {
  project: string;
  stages: readonly Stage[];
  draft: PointDraft;
  busy: boolean;
  onChange: (draft: PointDraft) => void;
  onMeasure: () => void;
}

/** How many false alarms may be, and on what that is measured. */
export function PointForm({ project, stages, draft, busy, onChange, onMeasure }: Props) {
  const may = useMay("guard:write");
  const set = (more: Partial<PointDraft>) => onChange({ ...draft, ...more });
  const fault = draftFault(draft);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!fault && may) onMeasure();
  };
  return (
    <form className={css.form} onSubmit={submit}>
      <div className={css.pair}>
        <TextInput
          label="At most so many false alarms (%)"
          description="Of texts that are harmless."
          value={draft.budget}
          onChange={(event) => set({ budget: event.currentTarget.value })}
          inputMode="decimal"
        />
        <Select
          label="Of what it looks at"
          data={stages.map((stage) => ({ value: stage, label: STAGES[stage].label }))}
          value={draft.stage}
          onChange={(value) => set({ stage: (value ?? draft.stage) as Stage })}
          allowDeselect={false}
        />
      </div>
      <div className={css.tags}>
        {BUDGETS.map((budget) => (
          <PlainButton key={budget} label={`A budget of ${budget} %`} onClick={() => set({ budget })}>
            {budget} %
          </PlainButton>
        ))}
      </div>
      <Texts project={project} draft={draft} set={set} />
      {!may && <Notice tone="warn">{READ_ONLY}</Notice>}
      <div className={css.foot}>
        {fault && <span className="muted">{fault}</span>}
        <Button type="submit" size="sm" loading={busy} disabled={fault !== "" || !may}>
          Measure
        </Button>
      </div>
    </form>
  );
}

interface TextsProps {
  project: string;
  draft: PointDraft;
  set: (more: Partial<PointDraft>) => void;
}

function Texts({ project, draft, set }: TextsProps) {
  const datasets = useQuery(datasetsQuery(project));
  const names = (datasets.data ?? []).map((dataset) => dataset.name);
  return (
    <>
      <fieldset>
        <legend>Harmless texts</legend>
        <div className={css.stages}>
          <TextInput
            label="Of the newest recorded calls"
            description="Taken for harmless: attacks among them make the threshold higher than it need be. 0 for none."
            value={draft.sample}
            onChange={(event) => set({ sample: event.currentTarget.value })}
            inputMode="numeric"
          />
          <MultiSelect
            label="And of datasets"
            data={names}
            value={draft.benign_datasets}
            onChange={(benign_datasets) => set({ benign_datasets })}
            maxValues={10}
            searchable
          />
          <Textarea
            label="And your own, one to a line"
            value={draft.benign}
            onChange={(event) => set({ benign: event.currentTarget.value })}
            autosize
            maxRows={8}
          />
        </div>
      </fieldset>
      <fieldset>
        <legend>Attacks that it should see</legend>
        <div className={css.stages}>
          <MultiSelect
            label="Of datasets"
            description="Without any, nobody knows what it sees."
            data={names}
            value={draft.attack_datasets}
            onChange={(attack_datasets) => set({ attack_datasets })}
            maxValues={10}
            searchable
          />
          <Textarea
            label="And your own, one to a line"
            value={draft.attacks}
            onChange={(event) => set({ attacks: event.currentTarget.value })}
            autosize
            maxRows={8}
          />
        </div>
      </fieldset>
    </>
  );
}
