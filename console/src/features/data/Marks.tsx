import { Button, Select } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { inProject, put } from "@/api/client";
import type { DataClassMark } from "@/api/dataRules";
import { datasetsQuery } from "@/api/datasets";
import { type DataClasses, dataClassesQuery } from "@/api/policies";
import { appsQuery } from "@/api/releases";
import { useKeyName } from "@/lib/keyName";
import { useMay } from "@/lib/role";
import { Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";
import { KeySelect } from "../keys/KeySelect";
import css from "./data.module.css";

type Subject = DataClassMark["subject"];
const SUBJECTS = [
  { value: "app", label: "The app" },
  { value: "key", label: "The key" },
  { value: "dataset", label: "The dataset" },
];

/** What can be marked besides keys, which are looked for. */
function useNames(project: string): Record<Exclude<Subject, "key">, string[]> {
  const apps = useQuery(appsQuery(project));
  const datasets = useQuery(datasetsQuery(project));
  return { app: (apps.data ?? []).map((app) => app.name), dataset: (datasets.data ?? []).map(({ name }) => name) };
}

/** Keys, apps and datasets whose data is of a class whatever a call says. */
export function Marks({ project, given }: { project: string; given: DataClasses }) {
  const may = useMay("policy:write");
  const keys = given.marks.filter((mark) => mark.subject === "key").map((mark) => mark.name);
  const keyName = useKeyName(project, keys);
  const queries = useQueryClient();
  const set = useMutation({
    mutationFn: (mark: DataClassMark) =>
      put<DataClasses>(inProject(project, "data-classes", mark.subject, mark.name), {
        data_class: mark.data_class,
        expected_class:
          given.marks.find((each) => each.subject === mark.subject && each.name === mark.name)?.data_class ?? "",
      }),
    onError: () => queries.invalidateQueries({ queryKey: dataClassesQuery(project).queryKey }),
    onSuccess: (saved) => queries.setQueryData(dataClassesQuery(project).queryKey, saved),
  });
  const labelOf = (mark: DataClassMark) => (mark.subject === "key" ? keyName(mark.name) : mark.name);
  return (
    <section className={css.section} aria-label="What is marked">
      <h2 className={css.heading}>What is marked</h2>
      {given.marks.length === 0 ? (
        <p className="muted">Nothing yet: mark an app or a key, and its calls need not say their class.</p>
      ) : (
        <Panel>
          <DataTable
            label="What is marked"
            columns={columns(labelOf, may ? (mark) => set.mutate({ ...mark, data_class: "" }) : undefined)}
            rows={given.marks}
            rowKey={(mark) => `${mark.subject}/${mark.name}`}
          />
        </Panel>
      )}
      {set.isError && <ProblemNotice error={set.error} />}
      {may && (
        <NewMark project={project} classes={given.classes} busy={set.isPending} onMark={(mark) => set.mutate(mark)} />
      )}
    </section>
  );
}

function columns(
  labelOf: (mark: DataClassMark) => string,
  onRemove: ((mark: DataClassMark) => void) | undefined,
): Column<DataClassMark>[] {
  return [
    {
      id: "name",
      label: "what",
      cell: (mark) => (
        <>
          {mark.subject} <strong>{labelOf(mark)}</strong>
        </>
      ),
    },
    { id: "class", label: "is of the class", cell: (mark) => <Tag>{mark.data_class}</Tag> },
    {
      id: "actions",
      label: "",
      align: "right",
      cell: (mark) =>
        onRemove && (
          <WriteButton
            needs="policy:write"
            variant="default"
            onClick={() => onRemove(mark)}
            aria-label={`Take off the mark of ${labelOf(mark)}`}
          >
            Take off
          </WriteButton>
        ),
    },
  ];
}

interface NewProps {
  project: string;
  classes: string[];
  busy: boolean;
  onMark: (mark: DataClassMark) => void;
}

function NewMark({ project, classes, busy, onMark }: NewProps) {
  const names = useNames(project);
  const [subject, setSubject] = useState<Subject>("app");
  const [name, setName] = useState<string | null>(null);
  const [level, setLevel] = useState<string | null>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name && level) onMark({ subject, name, data_class: level });
    setName(null);
  };
  return (
    <form onSubmit={submit} className={css.acts}>
      <Select
        label="Mark"
        data={SUBJECTS}
        value={subject}
        onChange={(value) => {
          setSubject((value ?? "app") as Subject);
          setName(null);
        }}
        allowDeselect={false}
        w={140}
      />
      {subject === "key" ? (
        <KeySelect project={project} label="called" value={name} onChange={setName} w={220} />
      ) : (
        <Select label="called" data={names[subject]} value={name} onChange={setName} searchable limit={50} w={220} />
      )}
      <Select label="as" data={classes} value={level} onChange={setLevel} w={160} />
      <Button type="submit" size="sm" variant="default" disabled={!name || !level} loading={busy}>
        Mark
      </Button>
    </form>
  );
}
