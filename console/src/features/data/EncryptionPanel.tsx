import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Flame, Lock, LockOpen, RotateCcwKey } from "lucide-react";
import { useState } from "react";
import { inProject, post, put } from "@/api/client";
import { type DataKeyView, type EncryptionView, encryptionQuery } from "@/api/dataRules";
import { formatDateTime, plural } from "@/lib/format";
import { useMay } from "@/lib/role";
import { Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import css from "./data.module.css";
import { destructionWords } from "./dataForm";

const NEEDS = "Only administrators change encryption.";
type Asked = { what: "on" | "off" | "rotate" } | { what: "destroy"; key: string };

/** "Does what was said lie encrypted, and with which keys?" */
export function EncryptionPanel({ project }: { project: string }) {
  const found = useQuery(encryptionQuery(project));
  const [asked, setAsked] = useState<Asked | null>(null);
  const may = useMay("encryption:write");
  if (found.isError || !found.data) return <Pending of={found} height={200} />;
  const { enabled, keys, catalog, traces_since: since } = found.data;
  const why = may ? undefined : NEEDS;
  return (
    <>
      <Panel>
        <div className={css.body}>
          <div className={css.bar}>
            <div style={{ flex: "1 1 320px" }}>
              {enabled ? <Tag tone="accent">on</Tag> : <Tag>off</Tag>}{" "}
              {enabled
                ? "What is said lies encrypted with this project's own key. Words cannot be searched, and content is not exported as files."
                : "What is said lies as it is. With encryption on, destroying the project's key erases all of it, wherever it lies."}
            </div>
            <span className={css.acts}>
              {enabled && (
                <WriteButton
                  needs="encryption:write"
                  variant="default"
                  size="sm"
                  why={why}
                  leftSection={<RotateCcwKey size={15} />}
                  onClick={() => setAsked({ what: "rotate" })}
                >
                  New key
                </WriteButton>
              )}
              <WriteButton
                needs="encryption:write"
                variant={enabled ? "default" : "filled"}
                size="sm"
                why={why}
                leftSection={enabled ? <LockOpen size={15} /> : <Lock size={15} />}
                onClick={() => setAsked({ what: enabled ? "off" : "on" })}
              >
                {enabled ? "Switch off…" : "Switch on…"}
              </WriteButton>
            </span>
          </div>
          <Reach catalog={catalog} since={since} />
        </div>
      </Panel>
      {keys.length > 0 && (
        <section className={css.section} aria-label="Data keys">
          <h2 className={css.heading}>Keys</h2>
          <Panel>
            <DataTable
              label="Data keys"
              columns={columns(why, (key) => setAsked({ what: "destroy", key }))}
              rows={keys}
              rowKey={(key) => key.id}
            />
          </Panel>
          {keys.some((key) => key.state !== "destroyed") && (
            <div>
              <Button
                variant="subtle"
                color="red"
                leftSection={<Flame size={14} />}
                disabled={!may}
                onClick={() => setAsked({ what: "destroy", key: "all" })}
              >
                Destroy all keys…
              </Button>
            </div>
          )}
        </section>
      )}
      {asked?.what === "destroy" && <Destroy project={project} id={asked.key} onClose={() => setAsked(null)} />}
      {asked && asked.what !== "destroy" && (
        <Change project={project} what={asked.what} onClose={() => setAsked(null)} />
      )}
    </>
  );
}

/** What lay there before: how far that is encrypted, and what of it is not. */
function Reach({ catalog, since }: { catalog: EncryptionView["catalog"]; since: number | null }) {
  return (
    <>
      {catalog?.state === "running" && (
        <p role="status">
          Cases, answers, reviews and documents that lay here before are being encrypted: {plural(catalog.rows, "row")}{" "}
          so far.
        </p>
      )}
      {catalog && catalog.ended !== null && (
        <p className="muted">
          Cases, answers, reviews and documents that lay here before were encrypted, too ({plural(catalog.rows, "row")},
          by {formatDateTime(catalog.ended)}).
        </p>
      )}
      {since !== null && (
        <p className="muted">
          Texts of traces from before {formatDateTime(since)} lie as they were until their retention ends.
        </p>
      )}
    </>
  );
}

const TONES = { active: "accent", old: undefined, destroyed: "bad" } as const;
const STATES = { active: "seals what is new", old: "opens what it sealed", destroyed: "gone, with all that it sealed" };

function columns(why: string | undefined, onDestroy: (key: string) => void): Column<DataKeyView>[] {
  const when = (ms: number | null) => (ms === null ? "" : formatDateTime(ms));
  return [
    { id: "id", label: "key", cell: (key) => <code>{key.id}</code> },
    {
      id: "state",
      label: "state",
      cell: (key) => (
        <>
          <Tag tone={TONES[key.state]}>{key.state}</Tag> <span className="muted">{STATES[key.state]}</span>
        </>
      ),
    },
    { id: "created", label: "made", cell: (key) => when(key.created) },
    { id: "retired", label: "replaced", cell: (key) => when(key.retired) },
    { id: "destroyed", label: "destroyed", cell: (key) => when(key.destroyed) },
    {
      id: "actions",
      label: "",
      align: "right",
      cell: (key) =>
        key.state !== "destroyed" && (
          <WriteButton
            needs="encryption:write"
            variant="default"
            why={why}
            leftSection={<Flame size={13} />}
            onClick={() => onDestroy(key.id)}
            aria-label={`Destroy the key ${key.id}`}
          >
            Destroy…
          </WriteButton>
        ),
    },
  ];
}

const CHANGES = {
  on: {
    title: "Encrypt what is said from now on?",
    action: "Switch on",
    words:
      "In force on every worker at once. Cases, answers, reviews and documents that lie here already are encrypted, too; texts of earlier traces stay as they are until their retention ends. Words cannot be searched any more, and content is not exported as files.",
  },
  off: {
    title: "Encrypt nothing any more?",
    action: "Switch off",
    words: "What is said from now on lies as it is. What is encrypted stays so, and its keys stay.",
  },
  rotate: {
    title: "Make a new key?",
    action: "Make it",
    words: "What is said from now on is sealed with the new key. The old ones go on opening what they sealed.",
  },
};

interface ChangeProps {
  project: string;
  what: keyof typeof CHANGES;
  onClose: () => void;
}

function Change({ project, what, onClose }: ChangeProps) {
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: () =>
      what === "rotate"
        ? post<EncryptionView>(inProject(project, "encryption", "rotations"))
        : put<EncryptionView>(inProject(project, "encryption"), { enabled: what === "on" }),
    onSuccess: (saved) => {
      queries.setQueryData(encryptionQuery(project).queryKey, saved);
      onClose();
    },
  });
  const { title, action, words } = CHANGES[what];
  return (
    <Confirm
      opened
      title={title}
      action={action}
      mild={what !== "off"}
      busy={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate()}
      onClose={onClose}
    >
      {words}
    </Confirm>
  );
}

/** Nobody destroys by a slip: the words are typed. */
function Destroy({ project, id, onClose }: { project: string; id: string; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const queries = useQueryClient();
  const words = destructionWords(id, project);
  const destroy = useMutation({
    mutationFn: () =>
      post<EncryptionView>(inProject(project, "encryption", "keys", id, "destruction"), { confirm: typed }),
    onSuccess: (saved) => {
      queries.setQueryData(encryptionQuery(project).queryKey, saved);
      onClose();
    },
  });
  return (
    <Confirm
      opened
      title={id === "all" ? "Destroy all keys?" : `Destroy the key ${id}?`}
      action="Destroy for ever"
      off={typed !== words}
      busy={destroy.isPending}
      error={destroy.error}
      onConfirm={() => destroy.mutate()}
      onClose={onClose}
    >
      <div className={css.form}>
        <p>
          {id === "all"
            ? "Everything of this project that is encrypted is gone for everybody, for ever"
            : "Everything that it sealed is gone for everybody, for ever"}
          : messages, answers, cached and kept ones. Figures, names and costs stay. The keys are taken out of the
          backups that this server can reach, too; one that was moved away still has them.
        </p>
        <TextInput
          label={
            <>
              Type <code>{words}</code>
            </>
          }
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
        />
      </div>
    </Confirm>
  );
}
