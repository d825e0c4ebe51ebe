import { NativeSelect, SegmentedControl, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { inProject, post } from "@/api/client";
import type { ConvertedPrompt } from "@/api/types";
import { badName } from "@/lib/name";
import { FormDialog } from "@/ui/FormDialog";
import { draftKey, type StartedDraft, starter } from "./draft";

interface Props {
  project: string;
  folder: string;
  onClose: () => void;
}

const FORMATS = [
  { value: "prompty", label: "prompty (.prompty)" },
  { value: "dotprompt", label: "dotprompt (.prompt)" },
  { value: "langfuse", label: "Langfuse (JSON of its API)" },
];

/** Asks for a name, or for somebody else's file; nothing is saved before the person has seen the text. */
export function NewPromptDialog({ project, folder, onClose }: Props) {
  const [name, setName] = useState("");
  const [place, setPlace] = useState(folder);
  const [from, setFrom] = useState("empty");
  const [format, setFormat] = useState("prompty");
  const [foreign, setForeign] = useState("");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const open = (draft: StartedDraft) => {
    queries.setQueryData(draftKey(project, name), draft);
    void navigate({ to: "/p/$project/prompts/$name", params: { project, name }, search: { new: "1" } });
  };
  const convert = useMutation({
    mutationFn: () => post<ConvertedPrompt>(inProject(project, "prompts", name, "convert"), { format, text: foreign }),
    onSuccess: (made) => open({ file: made.file, notes: made.notes }),
  });
  const wrong = name === "" ? "" : badName(name);
  const ready = name !== "" && !wrong && (from === "empty" || foreign.trim() !== "");
  const submit = () => {
    if (!ready) return;
    if (from === "empty") open({ file: starter(name, place), notes: [] });
    else convert.mutate();
  };
  return (
    <FormDialog
      title="New prompt"
      size={560}
      action={from === "empty" ? "Write it" : "Read it"}
      off={!ready}
      asking={convert}
      onSubmit={submit}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        description="What applications ask for. It cannot be changed later."
        value={name}
        error={wrong}
        onChange={(event) => setName(event.currentTarget.value)}
        spellCheck={false}
        data-autofocus
      />
      <SegmentedControl
        aria-label="Begin with"
        data={[
          { value: "empty", label: "An empty prompt" },
          { value: "foreign", label: "A file from elsewhere" },
        ]}
        value={from}
        onChange={setFrom}
      />
      {from === "empty" ? (
        <TextInput
          label="Folder"
          description="For people to find it; may be empty, e.g. desk/eu."
          value={place}
          onChange={(event) => setPlace(event.currentTarget.value)}
          spellCheck={false}
        />
      ) : (
        <>
          <NativeSelect
            label="What it is"
            data={FORMATS}
            value={format}
            onChange={(event) => setFormat(event.currentTarget.value)}
          />
          <Textarea
            label="Its text"
            autosize
            minRows={6}
            maxRows={16}
            value={foreign}
            onChange={(event) => setForeign(event.currentTarget.value)}
            classNames={{ input: "mono" }}
            spellCheck={false}
          />
          <p className="muted">
            Whole folders: <code>trimtab prompts import basic.prompty movie.json --to prompts</code>
          </p>
        </>
      )}
    </FormDialog>
  );
}
