import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiProblem, inProject, post } from "@/api/client";
import { versionQuery } from "@/api/prompts";
import type { PushedPrompt } from "@/api/types";
import { diffText } from "@/features/compare/diff";
import { formatAgo } from "@/lib/format";
import { Notice, ProblemNotice } from "@/ui/Notice";
import css from "./prompts.module.css";

interface Props {
  project: string;
  name: string;
  file: string;
  /** The version that the text was made from, 0 for a new prompt. */
  base: number;
  onClose: () => void;
  /** Mine is saved, or theirs is taken instead. */
  onDone: () => Promise<void>;
}

/** Saves a version. Where somebody saved meanwhile, theirs is shown first: nothing is overwritten unseen. */
export function SaveDialog({ project, name, file, base, onClose, onDone }: Props) {
  const [message, setMessage] = useState("");
  const [over, setOver] = useState(base);
  const save = useMutation({
    mutationFn: (expected: number) =>
      post<PushedPrompt>(inProject(project, "prompts", name, "versions"), {
        file,
        message,
        expected_version: expected,
      }),
    onSuccess: onDone,
  });
  const conflict = save.error instanceof ApiProblem && save.error.code === "prompt_changed";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(over);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={<strong>{conflict ? "Somebody saved meanwhile" : `Save a version of ${name}`}</strong>}
      size={conflict ? 820 : 480}
    >
      <form className={css.form} onSubmit={submit} noValidate>
        <TextInput
          label="What changed, and why"
          value={message}
          maxLength={2000}
          onChange={(event) => setMessage(event.currentTarget.value)}
          data-autofocus
        />
        {save.isError && !conflict && <ProblemNotice error={save.error} />}
        {conflict ? (
          <Conflict
            project={project}
            name={name}
            mine={file}
            busy={save.isPending}
            onTake={() => void onDone()}
            onOver={(theirs) => {
              setOver(theirs);
              save.mutate(theirs);
            }}
            onClose={onClose}
          />
        ) : (
          <Group justify="flex-end" gap="xs">
            <Button variant="default" size="sm" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" size="sm" loading={save.isPending}>
              Save
            </Button>
          </Group>
        )}
      </form>
    </Modal>
  );
}

interface ConflictProps {
  project: string;
  name: string;
  mine: string;
  busy: boolean;
  onTake: () => void;
  onOver: (version: number) => void;
  onClose: () => void;
}

function Conflict({ project, name, mine, busy, onTake, onOver, onClose }: ConflictProps) {
  const theirs = useQuery({ ...versionQuery(project, name, "latest"), staleTime: 0, gcTime: 0 });
  if (theirs.isLoadingError) return <ProblemNotice error={theirs.error} retry={() => void theirs.refetch()} />;
  if (!theirs.data) return <p className="muted">Looking at theirs…</p>;
  const { version, file } = theirs.data;
  return (
    <div className={css.form} data-testid="conflict">
      <Notice
        tone="warn"
        title={`${version.author} saved version ${version.version} ${formatAgo(version.created, Date.now())}${version.message ? `: ${version.message}` : "."}`}
      >
        From theirs to yours: what is crossed out is only in theirs, what is underlined only in yours.
      </Notice>
      <div className={css.textDiff} tabIndex={0} role="region" aria-label="From theirs to yours">
        {diffText(file, mine).map((piece, i) =>
          piece.kind === "removed" ? (
            <del key={i}>{piece.text}</del>
          ) : piece.kind === "added" ? (
            <ins key={i}>{piece.text}</ins>
          ) : (
            <span key={i}>{piece.text}</span>
          ),
        )}
      </div>
      <Group justify="flex-end" gap="xs">
        <Button variant="default" size="sm" onClick={onClose}>
          Keep editing
        </Button>
        <Button variant="default" size="sm" onClick={onTake}>
          Take theirs
        </Button>
        <Button color="red.8" size="sm" loading={busy} onClick={() => onOver(version.version)}>
          Save mine over version {version.version}
        </Button>
      </Group>
    </div>
  );
}
