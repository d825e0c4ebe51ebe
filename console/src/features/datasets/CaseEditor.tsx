import { Checkbox, Group, Select, Switch, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { changeCases, datasetsKey } from "@/api/datasets";
import type { Case, DatasetView, Use } from "@/api/evaluationTypes";
import { EditDrawer, useAsOpened, useEditing } from "@/ui/EditDrawer";
import { JsonInput } from "@/ui/JsonInput";
import { type CaseForm, formOf, type ReadCase, read } from "./caseForm";
import css from "./datasets.module.css";
import { CONSENT, PII, USES } from "./words";

interface Props {
  project: string;
  dataset: DatasetView;
  /** What is edited; without an id it is added. */
  given: Partial<Case>;
  onClose: () => void;
  onSaved: () => void;
  /** What is done with it instead of changing the dataset; under this name. */
  instead?: { title: string; act: string; run: (one: ReadCase["value"], message: string) => Promise<unknown> };
}

/** Adds a case or changes one; either makes a new version. */
export function CaseEditor({ project, dataset: current, given: from, onClose, onSaved, instead }: Props) {
  const dataset = useAsOpened(current);
  const given = useAsOpened(from);
  const [message, setMessage] = useState("");
  const isNew = !given.id;
  const editing = useEditing({
    begin: () => formOf(given),
    check: (form) => read(form).wrong,
    save: (form): Promise<unknown> => {
      const { value } = read(form);
      if (instead) return instead.run(value, message.trim());
      return changeCases(project, dataset.name, {
        ...(isNew
          ? { add: [value] }
          : { change: [{ ...value, provenance: given.provenance && kept(given.provenance) }] }),
        message: message.trim(),
        expected_revision: isNew ? undefined : dataset.revision,
      });
    },
    stale: [datasetsKey(project)],
    onSaved,
  });
  const { form, set, wrong } = editing;
  return (
    <EditDrawer
      editing={editing}
      title={instead?.title ?? (isNew ? `Add a case to ${dataset.name}` : `Edit ${form.id}`)}
      size={600}
      zIndex={300}
      action={instead?.act ?? (isNew ? "Add it" : "Save")}
      off={!isNew && !editing.dirty && !instead}
      onClose={onClose}
    >
      <Texts form={form} set={set} wrong={wrong} />
      <Placing form={form} set={set} wrong={wrong} splits={Object.keys(dataset.splits).filter(Boolean)} />
      <Rights form={form} set={set} />
      <TextInput
        label="What changed and why"
        description="The message of the new version."
        value={message}
        onChange={(event) => setMessage(event.currentTarget.value)}
      />
    </EditDrawer>
  );
}

/** Who wrote it when is set by the server. */
const kept = ({ origin, source, span_id }: NonNullable<Case["provenance"]>) => ({ origin, source, span_id });

interface PartProps {
  form: CaseForm;
  set: (change: Partial<CaseForm>) => void;
  wrong: Partial<Record<keyof CaseForm, string>>;
}

function Texts({ form, set, wrong }: PartProps) {
  const side = (field: "input" | "expected", label: string, about: string) => {
    const json = field === "input" ? form.inputJson : form.expectedJson;
    const value = form[field];
    return (
      <div>
        {json ? (
          <JsonInput
            label={label}
            description={about}
            value={value}
            error={wrong[field]}
            rows={4}
            onChange={(text) => set({ [field]: text })}
          />
        ) : (
          <Textarea
            label={label}
            description={about}
            autosize
            minRows={3}
            maxRows={16}
            value={value}
            error={wrong[field]}
            onChange={(event) => set({ [field]: event.currentTarget.value })}
            data-autofocus={field === "input" || undefined}
          />
        )}
        <Switch
          size="xs"
          mt={6}
          label={`${label} is JSON`}
          checked={json}
          onChange={(event) =>
            set(
              field === "input"
                ? { inputJson: event.currentTarget.checked }
                : { expectedJson: event.currentTarget.checked },
            )
          }
        />
      </div>
    );
  };
  return (
    <>
      {side("input", "Asked", 'A question; or as JSON {"messages": […], "variables": {…}}.')}
      {side("expected", "Expected", "What a good answer is; empty where scorers look at the answer alone.")}
      <Textarea
        label="What the answer should rest on"
        description="Texts apart by a line of three dashes."
        autosize
        minRows={2}
        maxRows={12}
        value={form.context}
        onChange={(event) => set({ context: event.currentTarget.value })}
      />
      {(form.toolCalls !== "" || form.expectedJson) && (
        <JsonInput
          label="Expected calls of tools"
          value={form.toolCalls}
          error={wrong.toolCalls}
          onChange={(toolCalls) => set({ toolCalls })}
        />
      )}
    </>
  );
}

function Placing({ form, set, wrong, splits }: PartProps & { splits: string[] }) {
  return (
    <>
      <div className={css.two}>
        <TagsInput label="Tags" value={form.tags} onChange={(tags) => set({ tags })} splitChars={[","]} />
        <TextInput
          label="Split"
          description={splits.length > 0 ? `There are: ${splits.join(", ")}.` : undefined}
          value={form.split}
          onChange={(event) => set({ split: event.currentTarget.value })}
        />
        <TextInput
          label="Group"
          description="The same for cases that are not independent: one customer, one conversation."
          value={form.group}
          onChange={(event) => set({ group: event.currentTarget.value })}
        />
        <TextInput
          label="Weight"
          description="How much it counts."
          inputMode="decimal"
          value={form.weight}
          error={wrong.weight}
          onChange={(event) => set({ weight: event.currentTarget.value })}
        />
      </div>
      <JsonInput
        label="Metadata"
        value={form.metadata}
        error={wrong.metadata}
        rows={1}
        onChange={(metadata) => set({ metadata })}
      />
    </>
  );
}

const options = (words: Record<string, string>) => Object.entries(words).map(([value, label]) => ({ value, label }));

function Rights({ form, set }: Pick<PartProps, "form" | "set">) {
  return (
    <fieldset className={css.fieldset}>
      <legend>May be used to</legend>
      <Checkbox.Group value={form.uses} onChange={(uses) => set({ uses: uses as Use[] })} aria-label="May be used to">
        <Group gap="lg">
          {USES.map(({ value, label, about }) => (
            <Checkbox key={value} value={value} label={label} title={about} />
          ))}
        </Group>
      </Checkbox.Group>
      <div className={css.two}>
        <Select
          label="Consent"
          data={options(CONSENT)}
          value={form.consent}
          allowDeselect={false}
          onChange={(value) => set({ consent: value as CaseForm["consent"] })}
        />
        <Select
          label="Personal data"
          data={options(PII)}
          value={form.pii}
          allowDeselect={false}
          onChange={(value) => set({ pii: value as CaseForm["pii"] })}
        />
        <TextInput
          label="Licence"
          placeholder="CC-BY-4.0"
          value={form.licence}
          onChange={(event) => set({ licence: event.currentTarget.value })}
          spellCheck={false}
        />
      </div>
    </fieldset>
  );
}
