import { Button, Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ArrowDown, ArrowUp, Plus, X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { inProject, put } from "@/api/client";
import { type DataClasses, dataClassesQuery } from "@/api/policies";
import { useMay } from "@/lib/role";
import { Panel, Tag } from "@/ui/bits";
import { useBased, useSaving } from "@/ui/EditDrawer";
import { Refused } from "@/ui/Meanwhile";
import { Notice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { PlainButton } from "@/ui/PlainButton";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import css from "./data.module.css";
import { classesFault, moved } from "./dataForm";
import { Marks } from "./Marks";

/** The project's classes from the least to the most sensitive, and what is marked with them. */
export function ClassesView({ project }: { project: string }) {
  const found = useQuery(dataClassesQuery(project));
  if (found.isError || !found.data) return <Pending of={found} height={240} />;
  return (
    <>
      <ClassList project={project} given={found.data} />
      <Marks project={project} given={found.data} />
    </>
  );
}

function ClassList({ project, given }: { project: string; given: DataClasses }) {
  const now = { form: { classes: given.classes, standard: given.standard }, revision: given.revision };
  const { form, set, dirty, undo, revision, meant } = useBased(now);
  const { classes, standard } = form;
  const setClasses = (next: string[]) => set({ classes: next });
  const may = useMay("policy:write");
  const leaving = useLeaving();
  const saving = useSaving({
    save: () => put<DataClasses>(inProject(project, "data-classes"), { ...form, expected_revision: revision }),
    stale: [dataClassesQuery(project).queryKey],
    onSaved: () => {
      undo();
      leaving.current = false;
    },
    leaving,
  });
  const fault = classesFault(classes, standard);
  return (
    <Panel>
      <div className={css.body}>
        <p className="muted">
          From the least to the most sensitive. A call is of the most sensitive class that its header{" "}
          <code>trimtab-data-class</code>, its key or its app declares, or a guard finds.
        </p>
        <ol className={css.classes} aria-label="Data classes">
          {classes.map((name, at) => (
            <li key={name} className={css.class}>
              <span className={css.rank}>{at}</span>
              <strong>{name}</strong>
              {name === standard && <Tag tone="accent">where none is declared</Tag>}
              {may && (
                <ClassActs
                  name={name}
                  first={at === 0}
                  last={at === classes.length - 1}
                  onMove={(step) => setClasses(moved(classes, name, step))}
                  onRemove={() => setClasses(classes.filter((each) => each !== name))}
                />
              )}
            </li>
          ))}
        </ol>
        {may && <AddClass taken={classes} onAdd={(name) => setClasses([...classes, name])} />}
        <Select
          label="Of calls of which nobody declared any"
          data={[
            { value: "", label: "no class at all" },
            ...(standard !== "" && !classes.includes(standard) ? [standard, ...classes] : classes),
          ]}
          value={standard}
          onChange={(value) => set({ standard: value ?? "" })}
          allowDeselect={false}
          disabled={!may}
          maw={320}
        />
        {fault && <Notice tone="warn">{fault}</Notice>}
        <Refused problem={saving.problem} meant={meant(saving.problem, saving.reset)} />
        {may && (
          <div className={css.acts}>
            <Button size="sm" disabled={!dirty || fault !== ""} loading={saving.busy} onClick={saving.save}>
              Save
            </Button>
            {dirty && (
              <Button variant="subtle" color="gray" size="sm" onClick={undo}>
                Undo
              </Button>
            )}
          </div>
        )}
      </div>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Panel>
  );
}

function AddClass({ taken, onAdd }: { taken: readonly string[]; onAdd: (name: string) => void }) {
  const [added, setAdded] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const name = added.trim();
    if (name && !taken.includes(name)) onAdd(name);
    setAdded("");
  };
  return (
    <form onSubmit={submit} className={css.acts}>
      <TextInput
        aria-label="A class to add"
        placeholder="secret"
        value={added}
        onChange={(event) => setAdded(event.currentTarget.value)}
      />
      <Button type="submit" variant="default" leftSection={<Plus size={13} />} disabled={!added.trim()}>
        Add
      </Button>
    </form>
  );
}

interface ActsProps {
  name: string;
  first: boolean;
  last: boolean;
  onMove: (step: -1 | 1) => void;
  onRemove: () => void;
}

function ClassActs({ name, first, last, onMove, onRemove }: ActsProps) {
  return (
    <span className={css.acts}>
      <PlainButton label={`${name} is less sensitive`} disabled={first} onClick={() => onMove(-1)}>
        <ArrowUp size={13} />
      </PlainButton>
      <PlainButton label={`${name} is more sensitive`} disabled={last} onClick={() => onMove(1)}>
        <ArrowDown size={13} />
      </PlainButton>
      <PlainButton label={`Remove the class ${name}`} onClick={onRemove}>
        <X size={13} />
      </PlainButton>
    </span>
  );
}
