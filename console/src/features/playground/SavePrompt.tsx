import { TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { asProblem, inProject, post } from "@/api/client";
import { promptQuery, promptsKey } from "@/api/prompts";
import type { PushedPrompt } from "@/api/types";
import { SaveDialog } from "@/features/prompts/SaveDialog";
import { badName } from "@/lib/name";
import { FormDialog } from "@/ui/FormDialog";
import { Notice } from "@/ui/Notice";
import type { Source } from "./Bench";
import { type Adds, type Draft, promptOf } from "./draft";

interface Props {
  project: string;
  source: Source;
  file: string;
  draft: Draft;
  onClose: () => void;
  onLeaving: () => void;
}

/** Saves what was tried: as the next version of the prompt it is, or as a prompt of these messages. */
export function SavePrompt({ project, source, file, draft, onClose, onLeaving }: Props) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const open = async (name: string) => {
    onLeaving();
    await queries.invalidateQueries({ queryKey: promptsKey(project) });
    await navigate({ to: "/p/$project/prompts/$name", params: { project, name }, search: { view: "history" } });
  };
  if (source.kind === "prompt") {
    return (
      <OfNewest project={project} name={source.name} file={file} onClose={onClose} onDone={() => open(source.name)} />
    );
  }
  const adds = source.kind === "span" ? source.adds : null;
  return <AsPrompt project={project} draft={draft} adds={adds} onClose={onClose} onDone={open} />;
}

interface NewestProps {
  project: string;
  name: string;
  file: string;
  onClose: () => void;
  onDone: () => Promise<void>;
}

function OfNewest({ project, name, file, onClose, onDone }: NewestProps) {
  const prompt = useQuery(promptQuery(project, name));
  if (!prompt.data) return null;
  return (
    <SaveDialog project={project} name={name} file={file} base={prompt.data.newest} onClose={onClose} onDone={onDone} />
  );
}

interface AsPromptProps {
  project: string;
  draft: Draft;
  adds?: Adds | null;
  onClose: () => void;
  onDone: (name: string) => Promise<void>;
}

function AsPrompt({ project, draft, adds, onClose, onDone }: AsPromptProps) {
  const [name, setName] = useState("");
  const [message, setMessage] = useState("");
  const wrong = badName(name);
  const good = !wrong;
  const there = useQuery({ ...promptQuery(project, name), enabled: good });
  const { content, notes } = promptOf(draft, adds);
  const missing = there.isError && asProblem(there.error).status === 404;
  const expected = missing ? 0 : there.data?.newest;
  const save = useMutation({
    mutationFn: () =>
      post<PushedPrompt>(inProject(project, "prompts", name, "versions"), {
        content,
        message,
        expected_version: expected,
      }),
    onSuccess: () => onDone(name),
  });
  const ready = good && expected !== undefined;
  return (
    <FormDialog
      title="Save as a prompt"
      action="Save"
      off={!ready}
      asking={save}
      onSubmit={() => save.mutate()}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        value={name}
        error={name !== "" && wrong}
        description={there.data && good ? `There is one: this becomes its version ${there.data.newest + 1}.` : ""}
        onChange={(event) => setName(event.currentTarget.value)}
        spellCheck={false}
        data-autofocus
      />
      <TextInput
        label="What it is for"
        value={message}
        maxLength={2000}
        onChange={(event) => setMessage(event.currentTarget.value)}
      />
      {notes.length > 0 && <Notice tone="warn">{notes.join(" ")}</Notice>}
    </FormDialog>
  );
}
