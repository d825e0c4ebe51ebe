import { Button, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { datasetsKey, patchDataset } from "@/api/datasets";
import type { DatasetView } from "@/api/evaluationTypes";
import { formatDateTime } from "@/lib/format";
import { Facts, Panel } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { JsonInput } from "@/ui/JsonInput";
import { ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { WriteButton } from "@/ui/WriteButton";
import css from "./datasets.module.css";

/** What the dataset says of itself: its words, its licence, and the schema that every case keeps. */
export function About({ project, dataset }: { project: string; dataset: DatasetView }) {
  const was = {
    description: dataset.description,
    licence: dataset.licence,
    schema: dataset.schema == null ? "" : JSON.stringify(dataset.schema, null, 2),
  };
  const [form, setForm] = useState(was);
  const [wrong, setWrong] = useState("");
  const leaving = useLeaving();
  const queries = useQueryClient();
  const dirty = JSON.stringify(form) !== JSON.stringify(was);
  const save = useMutation({
    mutationFn: (schema: unknown) =>
      patchDataset(project, dataset.name, {
        description: form.description.trim(),
        licence: form.licence.trim(),
        schema,
        expected_revision: dataset.revision,
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: datasetsKey(project) }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    try {
      const schema: unknown = form.schema.trim() === "" ? null : JSON.parse(form.schema);
      setWrong("");
      save.mutate(schema);
    } catch {
      setWrong("This is not JSON.");
    }
  };
  return (
    <Panel>
      <form className={css.form} style={{ padding: 16, maxWidth: 720 }} onSubmit={submit} noValidate>
        <Textarea
          label="What it is"
          autosize
          minRows={2}
          value={form.description}
          onChange={(event) => setForm({ ...form, description: event.currentTarget.value })}
        />
        <TextInput
          label="Licence"
          description="Of cases that say none of their own."
          value={form.licence}
          onChange={(event) => setForm({ ...form, licence: event.currentTarget.value })}
          spellCheck={false}
        />
        <JsonInput
          label="Schema"
          description='JSON Schema of {"input": …, "expected": …}; a case that breaks it is refused.'
          value={form.schema}
          error={wrong}
          onChange={(schema) => setForm({ ...form, schema })}
        />
        <Facts
          rows={[
            ["Made", formatDateTime(dataset.created)],
            ["Changed", formatDateTime(dataset.updated)],
          ]}
        />
        {save.isError && <ProblemNotice error={save.error} />}
        <div className={css.foot}>
          <ArchiveButton project={project} dataset={dataset} />
          <Button type="submit" size="sm" loading={save.isPending} disabled={!dirty}>
            Save
          </Button>
        </div>
      </form>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Panel>
  );
}

function ArchiveButton({ project, dataset }: { project: string; dataset: DatasetView }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const away = dataset.archived === null;
  const act = useMutation({
    mutationFn: () => patchDataset(project, dataset.name, { archived: away, expected_revision: dataset.revision }),
    onSuccess: async () => {
      setAsking(false);
      await queries.invalidateQueries({ queryKey: datasetsKey(project) });
    },
  });
  return (
    <>
      <WriteButton
        needs="dataset:write"
        variant="default"
        size="sm"
        onClick={() => (away ? setAsking(true) : act.mutate())}
      >
        {away ? "Archive…" : "Take out of the archive"}
      </WriteButton>
      {act.isError && !asking && <ProblemNotice error={act.error} />}
      <Confirm
        opened={asking}
        title="Archive this dataset?"
        action="Archive it"
        busy={act.isPending}
        error={act.error}
        onConfirm={() => act.mutate()}
        onClose={() => setAsking(false)}
      >
        It leaves the list and takes no more cases. Its versions stay, and suites that name it go on.
      </Confirm>
    </>
  );
}
