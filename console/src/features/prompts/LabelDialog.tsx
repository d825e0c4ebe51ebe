import { Button, Group, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { del, inProject, put, withQuery } from "@/api/client";
import { promptsKey } from "@/api/prompts";
import type { PromptVersionView, PromptView } from "@/api/types";
import { FormDialog } from "@/ui/FormDialog";

interface Props {
  project: string;
  prompt: PromptView;
  version: PromptVersionView;
  onClose: () => void;
}

const LABEL = /^[a-z][a-z0-9._-]{0,63}$/;

/** Points a label at a version, after it was said what that changes; or takes one away. */
export function LabelDialog({ project, prompt, version, onClose }: Props) {
  const [label, setLabel] = useState("");
  const queries = useQueryClient();
  const done = async () => {
    await queries.invalidateQueries({ queryKey: promptsKey(project) });
    onClose();
  };
  const at = prompt.labels.find((each) => each.label === label)?.version ?? 0;
  const move = useMutation({
    mutationFn: () =>
      put(inProject(project, "prompts", prompt.name, "labels", label), {
        version: version.version,
        expected_version: at,
      }),
    onSuccess: done,
  });
  const remove = useMutation({
    mutationFn: (name: string) =>
      del(
        withQuery(inProject(project, "prompts", prompt.name, "labels", name), {
          expected_version: prompt.labels.find((each) => each.label === name)?.version,
        }),
      ),
    onSuccess: done,
    onError: () => queries.invalidateQueries({ queryKey: promptsKey(project) }),
  });
  const wrong =
    label === "latest"
      ? "“latest” always means the newest version."
      : label !== "" && !LABEL.test(label)
        ? "Up to 64 of a-z 0-9 . _ -, beginning with a letter."
        : "";
  const ready = label !== "" && !wrong && at !== version.version;
  const others = prompt.labels.filter((each) => each.version !== version.version);
  return (
    <FormDialog
      title={`Label version ${version.version}`}
      action={at ? "Move it" : "Set it"}
      cancel="Keep"
      off={!ready}
      asking={{ isPending: move.isPending, error: move.error ?? remove.error }}
      onSubmit={() => move.mutate()}
      onClose={onClose}
    >
      <TextInput
        label="Label"
        placeholder="production"
        value={label}
        error={wrong}
        onChange={(event) => setLabel(event.currentTarget.value)}
        spellCheck={false}
        data-autofocus
      />
      {others.length > 0 && (
        <Group gap="xs">
          {others.map((each) => (
            <Button key={each.label} variant="default" onClick={() => setLabel(each.label)}>
              {each.label} (now v{each.version})
            </Button>
          ))}
        </Group>
      )}
      {ready && (
        <p role="status">
          <strong>{label}</strong>{" "}
          {at ? `moves from version ${at} to version ${version.version}` : `will point at version ${version.version}`}.
          Applications that ask for <code>{prompt.name}</code> by it get this version within a minute.
        </p>
      )}
      {at === version.version && label && <p className="muted">It points here already.</p>}
      {version.labels.map((each) => (
        <Group key={each} gap="xs">
          <span>
            <strong>{each}</strong> points here.
          </span>
          <Button
            variant="default"
            leftSection={<Trash2 size={13} />}
            loading={remove.isPending}
            onClick={() => remove.mutate(each)}
          >
            Take {each} away
          </Button>
          <span className="muted">What asks for it is then refused, or goes on with what it has kept.</span>
        </Group>
      ))}
    </FormDialog>
  );
}
