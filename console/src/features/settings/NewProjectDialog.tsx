import { Button, Group, Modal, Switch, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { post } from "@/api/client";
import { meQuery, projectsQuery } from "@/api/queries";
import type { ProjectView } from "@/api/types";
import { ProblemNotice } from "@/ui/Notice";

/** A name as it can stand in an address. */
export function slugOf(name: string): string {
  return name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 40);
}

export function NewProjectDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={<strong>New project</strong>}>
      <Body onClose={onClose} />
    </Modal>
  );
}

function Body({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [slug, setSlug] = useState("");
  const [capture, setCapture] = useState(true);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const wanted = slug || slugOf(name);
  const create = useMutation({
    mutationFn: () => post<ProjectView>("/projects", { slug: wanted, name: name.trim(), capture_content: capture }),
    onSuccess: async (project) => {
      await Promise.all([
        queries.invalidateQueries({ queryKey: projectsQuery().queryKey }),
        queries.invalidateQueries({ queryKey: meQuery().queryKey }),
      ]);
      onClose();
      await navigate({ to: "/p/$project/overview", params: { project: project.slug } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wanted) create.mutate();
  };
  return (
    <form onSubmit={submit} style={{ display: "grid", gap: 14 }}>
      <TextInput label="Name" value={name} onChange={(e) => setName(e.currentTarget.value)} data-autofocus />
      <TextInput
        label="Short name"
        description="For addresses and the API; it cannot be changed later."
        value={slug}
        placeholder={slugOf(name)}
        onChange={(e) => setSlug(e.currentTarget.value)}
        spellCheck={false}
      />
      <Switch
        label="Keep the content of calls"
        description="Off: only numbers are kept. It can be changed later."
        checked={capture}
        onChange={(e) => setCapture(e.currentTarget.checked)}
      />
      {create.isError && <ProblemNotice error={create.error} />}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" size="sm" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" size="sm" loading={create.isPending} disabled={!wanted}>
          Create
        </Button>
      </Group>
    </form>
  );
}
