import { Autocomplete, Button, Group, Modal, Select, Skeleton, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { inProject, post } from "@/api/client";
import {
  changeCases,
  datasetsKey,
  datasetsQuery,
  type Expectation,
  type FromTraces,
  fromTraces,
  putDataset,
  type Sampling,
} from "@/api/datasets";
import type { WrittenCases } from "@/api/evaluationTypes";
import { plural } from "@/lib/format";
import { badName } from "@/lib/name";
import { Notice, ProblemNotice } from "@/ui/Notice";
import css from "./datasets.module.css";

/** What becomes a case: an answer that was reviewed (by one who may write no others, `only` into its queue's datasets),
 * what was tried in the playground, or traces as they are. */
export type Origin =
  | { kind: "review"; item: string; expected: string; only?: string[] | undefined }
  | { kind: "own"; input: unknown; expected: string }
  | { kind: "traces"; asked: FromTraces; told: string };

interface Props {
  project: string;
  from: Origin;
  onClose: () => void;
}

interface Placing {
  dataset: string;
  expected: string;
  how: Expectation;
  sample: Sampling;
  split: string;
  tags: string[];
}

interface Made {
  dataset: string;
  /** The case, where there is one. */
  id: string;
  says: string;
  left: string[];
}

const LAST = "trimtab-last-dataset";

/** Chooses a dataset, or names a new one, and puts what one looks at into it. */
export function AddToDataset({ project, from, onClose }: Props) {
  const only = from.kind === "review" ? from.only : undefined;
  const known = useQuery({ ...datasetsQuery(project), enabled: only === undefined });
  const names = only ?? known.data?.map((each) => each.name);
  const problem = known.isError && <ProblemNotice error={known.error} retry={() => void known.refetch()} />;
  return (
    <Modal
      opened
      onClose={onClose}
      title={<strong>{from.kind === "own" ? "Save as a case" : "Add to dataset"}</strong>}
      size={560}
    >
      {problem}
      {names && <Adding project={project} from={from} names={names} fixed={only !== undefined} onClose={onClose} />}
      {!names && known.isPending && <Skeleton height={320} aria-busy="true" />}
    </Modal>
  );
}

const lastKey = (project: string) => `${LAST}:${project}`;

/** The dataset that was added to last, or the first. */
function proposed(project: string, names: readonly string[]): string {
  const last = localStorage.getItem(lastKey(project));
  return last !== null && names.includes(last) ? last : (names[0] ?? "");
}

/** Only for a list that is there: a name that is proposed while somebody types would be mixed with what they type. */
function Adding({ project, from, names, fixed, onClose }: Props & { names: string[]; fixed: boolean }) {
  const [chosen, setChosen] = useState(() => proposed(project, names));
  const [placing, setPlacing] = useState<Omit<Placing, "dataset">>(() => ({
    expected: from.kind === "traces" ? "" : from.expected,
    how: "correction",
    sample: "newest",
    split: "",
    tags: [],
  }));
  const queries = useQueryClient();
  const name = chosen.trim();
  const isNew = name !== "" && !names.includes(name);
  const wrong = name === "" ? "" : badName(name);
  const add = useMutation({
    mutationFn: async () => {
      if (isNew) await putDataset(project, name, { expected_revision: 0 });
      return put(project, from, { ...placing, dataset: name, split: placing.split.trim() });
    },
    onSettled: () => queries.invalidateQueries({ queryKey: datasetsKey(project) }),
    onSuccess: () => localStorage.setItem(lastKey(project), name),
  });
  if (add.data) return <Done project={project} made={add.data} linked={!fixed} onClose={onClose} />;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name && !wrong) add.mutate();
  };
  return (
    <form className={css.form} onSubmit={submit} noValidate>
      {from.kind === "traces" && <p>{from.told}</p>}
      <Where names={names} fixed={fixed} isNew={isNew} wrong={wrong} chosen={chosen} onChange={setChosen} />
      <Fields from={from} placing={placing} onChange={(change) => setPlacing((now) => ({ ...now, ...change }))} />
      {add.isError && <ProblemNotice error={add.error} />}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" size="sm" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" size="sm" loading={add.isPending} disabled={!name || Boolean(wrong)}>
          {from.kind === "own" ? "Save it" : "Add"}
        </Button>
      </Group>
    </form>
  );
}

interface WhereProps {
  names: string[];
  /** One of these, and no new one. */
  fixed: boolean;
  isNew: boolean;
  wrong: string;
  chosen: string;
  onChange: (name: string) => void;
}

function Where({ names, fixed, isNew, wrong, chosen, onChange }: WhereProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const own = { label: "Dataset", data: names, value: chosen, ref: field, "data-autofocus": true };
  if (fixed)
    return (
      <Select
        {...own}
        description="Those that this queue's reviewers may put cases into."
        allowDeselect={false}
        onChange={(value) => onChange(value ?? "")}
      />
    );
  return (
    <Autocomplete
      {...own}
      description={
        isNew ? "It is made: there is none of that name yet." : "One that is there, or the name of a new one."
      }
      error={wrong}
      onChange={onChange}
      spellCheck={false}
    />
  );
}

interface FieldsProps {
  from: Origin;
  placing: Omit<Placing, "dataset">;
  onChange: (change: Partial<Placing>) => void;
}

function Fields({ from, placing, onChange }: FieldsProps) {
  return (
    <>
      {from.kind !== "traces" && (
        <Textarea
          label="Expected"
          description="What a good answer is; correct it where this one was not."
          autosize
          minRows={3}
          maxRows={14}
          value={placing.expected}
          onChange={(event) => onChange({ expected: event.currentTarget.value })}
        />
      )}
      {from.kind === "traces" && (
        <Select
          label="Expected"
          data={EXPECTATIONS}
          value={placing.how}
          allowDeselect={false}
          onChange={(value) => onChange({ how: value as Expectation })}
        />
      )}
      {from.kind === "traces" && from.asked.limit !== undefined && (
        <Select
          label="Which of them"
          data={SAMPLINGS}
          value={placing.sample}
          allowDeselect={false}
          onChange={(value) => onChange({ sample: value as Sampling })}
        />
      )}
      <div className={css.two}>
        <TagsInput label="Tags" value={placing.tags} onChange={(tags) => onChange({ tags })} splitChars={[","]} />
        <TextInput
          label="Split"
          description="Empty: as the dataset shares them out."
          value={placing.split}
          onChange={(event) => onChange({ split: event.currentTarget.value })}
        />
      </div>
    </>
  );
}

const EXPECTATIONS = [
  { value: "correction", label: "What a person corrected it to, if anybody did" },
  { value: "answer", label: "What was answered: it was good" },
  { value: "none", label: "Nothing: scorers look at the answer alone" },
];
const SAMPLINGS = [
  { value: "newest", label: "The newest" },
  { value: "diverse", label: "Those that differ most from each other" },
  { value: "failing", label: "Those with the lowest scores" },
  { value: "disputed", label: "Those that scores disagree about" },
];

async function put(project: string, from: Origin, placing: Placing): Promise<Made> {
  const { dataset, expected, split, tags } = placing;
  if (from.kind === "review") {
    const made = await post<{ case_id: string; version: number; created: boolean }>(
      inProject(project, "review", "items", from.item, "to-case"),
      { dataset, split, tags, expected: expected || null },
    );
    const says = made.created ? `Version ${made.version} has it.` : "It was there already, and says the same.";
    return { dataset, id: made.case_id, says, left: [] };
  }
  if (from.kind === "own") {
    const one = { input: from.input, expected: expected || null, split, tags };
    return told(dataset, await changeCases(project, dataset, { add: [one], message: "From the playground" }));
  }
  const sampled = from.asked.limit === undefined ? {} : { sample: placing.sample };
  const asked = { ...from.asked, ...sampled, expected: placing.how, split, tags };
  return told(dataset, await fromTraces(project, dataset, asked));
}

function told(dataset: string, written: WrittenCases): Made {
  const says = written.created
    ? `Version ${written.version?.number} has ${plural(written.added, "new case")}.`
    : "Nothing is new there.";
  return { dataset, id: "", says, left: written.left ?? [] };
}

interface DoneProps {
  project: string;
  made: Made;
  /** Not for who may not read datasets. */
  linked: boolean;
  onClose: () => void;
}

function Done({ project, made, linked, onClose }: DoneProps) {
  const on = useRef<HTMLButtonElement>(null);
  useEffect(() => on.current?.focus(), []);
  return (
    <div className={css.form}>
      <Notice tone="good" title={made.says}>
        {linked && (
          <Link
            to="/p/$project/datasets/$dataset"
            params={{ project, dataset: made.dataset }}
            search={{ case: made.id || undefined }}
          >
            Look at {made.dataset}
          </Link>
        )}
      </Notice>
      {made.left.length > 0 && (
        <Notice tone="warn" title={`${plural(made.left.length, "trace")} could not be taken`}>
          <ul className={css.errors}>
            {made.left.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </Notice>
      )}
      <Group justify="flex-end">
        <Button size="sm" onClick={onClose} ref={on}>
          Go on
        </Button>
      </Group>
    </div>
  );
}
