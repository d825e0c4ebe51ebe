import { Button, FileInput, Group, Modal, SegmentedControl, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { knowledgeKey, type NewDocument, publishCorpus, putDocuments } from "@/api/knowledge";
import { plural } from "@/lib/format";
import { Notice, ProblemNotice } from "@/ui/Notice";
import css from "./knowledge.module.css";
import { idOf, kindOfFile, readAccess } from "./words";

interface Props {
  project: string;
  corpus: string;
  onClose: () => void;
}

/** Texts that are pasted, or files: added, or changed where their id is there already. */
export function AddDocuments({ project, corpus, onClose }: Props) {
  const [kind, setKind] = useState<"paste" | "files">("paste");
  const [title, setTitle] = useState("");
  const [text, setText] = useState("");
  const [source, setSource] = useState("");
  const [files, setFiles] = useState<File[]>([]);
  const [access, setAccess] = useState("");
  const queries = useQueryClient();
  const read = readAccess(access);
  const empty = kind === "paste" ? text.trim() === "" : files.length === 0;
  const add = useMutation({
    mutationFn: async (_: { publish: boolean }) => {
      const open = read.access.length > 0 ? { access: read.access } : {};
      const items: NewDocument[] =
        kind === "paste"
          ? [{ id: idOf(title, text), text, title: title.trim(), source: source.trim(), kind: "markdown", ...open }]
          : await Promise.all(
              files.map(async (file) => ({
                id: file.name,
                text: await file.text(),
                source: file.name,
                kind: kindOfFile(file.name),
                updated: file.lastModified,
                ...open,
              })),
            );
      const made = await putDocuments(project, corpus, items);
      if (_.publish) await publishCorpus(project, corpus, `${plural(items.length, "document")} added in the console`);
      return made;
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: knowledgeKey(project) });
      onClose();
    },
  });
  const submit = (publish: boolean) => {
    if (!empty && !read.wrong) add.mutate({ publish });
  };
  return (
    <Modal opened onClose={onClose} size="lg" title={<strong>Add documents to {corpus}</strong>}>
      <form
        className={css.form}
        noValidate
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          submit(true);
        }}
      >
        <SegmentedControl
          aria-label="From where"
          size="xs"
          data={[
            { value: "paste", label: "Paste a text" },
            { value: "files", label: "Choose files" },
          ]}
          value={kind}
          onChange={(value) => setKind(value as typeof kind)}
        />
        {kind === "paste" ? (
          <>
            <TextInput
              label="Title"
              description="Its id is made of it: the same title changes the document that is there."
              value={title}
              onChange={(event) => setTitle(event.currentTarget.value)}
              data-autofocus
            />
            <Textarea
              label="Text"
              description="Plain text or Markdown; headings show where a passage belongs."
              autosize
              minRows={8}
              maxRows={18}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
            />
            <TextInput
              label="Source"
              description="Its address, shown with every answer that rests on it."
              placeholder="https://…"
              value={source}
              onChange={(event) => setSource(event.currentTarget.value)}
              spellCheck={false}
            />
          </>
        ) : (
          <FileInput
            label="Files"
            description="Text, Markdown or HTML. A file's name is its document's id."
            placeholder="Choose files"
            multiple
            clearable
            accept=".md,.markdown,.mdx,.txt,.text,.rst,.adoc,.html,.htm,.csv,.json,.yaml"
            value={files}
            onChange={setFiles}
          />
        )}
        <TextInput
          label="Only for"
          description="user:…, group:…, role:… or key:…, with commas between. Empty: for everybody who may search."
          value={access}
          error={read.wrong}
          onChange={(event) => setAccess(event.currentTarget.value)}
          spellCheck={false}
        />
        {add.isError && <ProblemNotice error={add.error} />}
        <Notice tone="good">What is searched stays as it is until a version is published.</Notice>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button variant="default" size="sm" disabled={empty} loading={add.isPending} onClick={() => submit(false)}>
            Only add
          </Button>
          <Button type="submit" size="sm" disabled={empty} loading={add.isPending}>
            Add and publish
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
