import { Autocomplete, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { inProject, put, withQuery } from "@/api/client";
import { type RefusalView, refusalsQuery } from "@/api/guards";
import { appsQuery } from "@/api/releases";
import { badName } from "@/lib/name";
import { Empty, Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { EditDrawer, useEditing } from "@/ui/EditDrawer";
import { IconButton } from "@/ui/IconButton";
import { Pending } from "@/ui/Pending";
import { useRemoval } from "@/ui/removal";
import { WriteButton } from "@/ui/WriteButton";
import css from "./guards.module.css";

const EMPTY: RefusalView = { name: "default", app: "", language: "", text: "", revision: 0 };
const REFERENCE = "{reference}";

/** What users read when a guard stops a call: by template, app and language. */
export function Refusals({ project }: { project: string }) {
  const refusals = useQuery(refusalsQuery(project));
  const [edited, setEdited] = useState<RefusalView | null>(null);
  const [dropped, setDropped] = useState<RefusalView | null>(null);
  const drop = useRemoval({
    at: ({ name, app, language, revision }: RefusalView) => [
      withQuery(inProject(project, "guard-refusals"), { name, app, language }),
      revision,
    ],
    stale: [refusalsQuery(project).queryKey],
    onRemoved: () => setDropped(null),
  });
  const add = (
    <WriteButton
      needs="guard:write"
      variant="default"
      size="sm"
      leftSection={<Plus size={15} />}
      onClick={() => setEdited(EMPTY)}
    >
      New text
    </WriteButton>
  );
  return (
    <>
      <Pending of={refusals} height={140} />
      {refusals.data?.length === 0 && (
        <Empty title="Trimtab's own words are said">
          <p>
            In English, German, French, Spanish or Italian, as the call was, with a reference that support can look up.
            Write your own for all calls, for an app, or for a language: the most particular one is taken.
          </p>
          {add}
        </Empty>
      )}
      {refusals.data && refusals.data.length > 0 && (
        <>
          <Panel>
            <DataTable
              label="What users are told"
              columns={columns(setEdited, setDropped)}
              rows={refusals.data}
              rowKey={keyOf}
            />
          </Panel>
          <div style={{ marginTop: 12 }}>{add}</div>
        </>
      )}
      {edited && (
        <Editor
          project={project}
          refusal={refusals.data?.find((each) => keyOf(each) === keyOf(edited) && edited !== EMPTY) ?? edited}
          onClose={() => setEdited(null)}
        />
      )}
      <Confirm
        opened={dropped !== null}
        title="Remove this text?"
        action="Remove it"
        busy={drop.isPending}
        error={drop.error}
        onConfirm={() => dropped && drop.mutate(dropped)}
        onClose={() => {
          drop.reset();
          setDropped(null);
        }}
      >
        What is more general, or Trimtab's own words, is said instead from the next call on.
      </Confirm>
    </>
  );
}

const keyOf = (row: RefusalView) => `${row.name}/${row.app}/${row.language}`;
const sayingOf = ({ name, app, language, text }: RefusalView) => ({ name, app, language, text });
type Pick = (row: RefusalView) => void;

function columns(onEdit: Pick, onDrop: Pick): Column<RefusalView>[] {
  return [
    { id: "name", label: "template", cell: (row) => <strong>{row.name}</strong> },
    { id: "app", label: "app", cell: (row) => row.app || <span className="muted">any</span> },
    { id: "language", label: "language", cell: (row) => row.language || <span className="muted">any</span> },
    {
      id: "text",
      label: "is told",
      cell: (row) => (
        <>
          {row.text} {!row.text.includes(REFERENCE) && <Tag tone="warn">no reference</Tag>}
        </>
      ),
    },
    {
      id: "acts",
      label: "",
      align: "right",
      cell: (row) => (
        <span style={{ display: "inline-flex", gap: 6 }}>
          <IconButton icon={Pencil} needs="guard:write" onClick={() => onEdit(row)} label={`Edit ${keyOf(row)}`} />
          <IconButton icon={Trash2} needs="guard:write" onClick={() => onDrop(row)} label={`Remove ${keyOf(row)}`} />
        </span>
      ),
    },
  ];
}

interface EditorProps {
  project: string;
  refusal: RefusalView;
  onClose: () => void;
}

function Editor({ project, refusal, onClose }: EditorProps) {
  const apps = useQuery({ ...appsQuery(project), staleTime: 30_000 });
  const fresh = refusal.revision === 0;
  const editing = useEditing({
    begin: () => sayingOf(refusal),
    now: { form: sayingOf(refusal), revision: refusal.revision },
    check: (form) => ({
      ...(badName(form.name) && { name: badName(form.name) }),
      ...(!form.text.trim() && { text: "Write what is said." }),
    }),
    save: (form, _, revision) =>
      put<RefusalView>(inProject(project, "guard-refusals"), { ...form, expected_revision: revision }),
    stale: [refusalsQuery(project).queryKey],
    onSaved: onClose,
  });
  const { form, set, wrong } = editing;
  return (
    <EditDrawer
      editing={editing}
      title="What users are told"
      label="What users are told"
      size={560}
      action="Save"
      onClose={onClose}
    >
      <TextInput
        label="Template"
        description="Guards name it; default is for those that name none."
        value={form.name}
        disabled={!fresh}
        error={wrong.name}
        onChange={(event) => set({ name: event.currentTarget.value })}
        spellCheck={false}
      />
      <div className={css.pair}>
        <Autocomplete
          label="App"
          description="Empty: any."
          data={(apps.data ?? []).map((app) => app.name)}
          value={form.app}
          disabled={!fresh}
          onChange={(app) => set({ app })}
        />
        <TextInput
          label="Language"
          description="de, pt-br; empty: any."
          value={form.language}
          disabled={!fresh}
          onChange={(event) => set({ language: event.currentTarget.value })}
          spellCheck={false}
        />
      </div>
      <Textarea
        label="Text"
        description={`${REFERENCE} becomes the request's id, which support can look up.`}
        autosize
        minRows={4}
        maxRows={14}
        value={form.text}
        error={wrong.text}
        onChange={(event) => set({ text: event.currentTarget.value })}
        data-autofocus
      />
      {form.text.trim() !== "" && !form.text.includes(REFERENCE) && (
        <p className="muted">Without {REFERENCE} nobody can say later why the call was stopped.</p>
      )}
    </EditDrawer>
  );
}
