import { Button, Drawer, Select, Switch, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { put } from "@/api/client";
import { type Directory, directoryAt, directoryKey } from "@/api/identity";
import { projectsQuery } from "@/api/queries";
import type { RoleView } from "@/api/types";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { bodyOf, type DirectoryForm, directoryFault, formOfDirectory } from "./directoryForm";
import { GroupLines } from "./ProviderEditor";
import css from "./people.module.css";

const ON_DELETE = [
  { value: "deactivate", label: "locks them out; they come back as who they were" },
  { value: "remove", label: "ends all they are in the organisation" },
];

interface Props {
  organisation: string;
  /** None: it is switched on by saving. */
  directory: Directory | null;
  roles: RoleView[];
  onClose: () => void;
}

/** What an identity provider's groups give, and what becomes of whom it deletes. */
export function DirectoryEditor({ organisation, directory, roles, onClose }: Props) {
  const [begun] = useState(() => formOfDirectory(directory));
  const [form, setForm] = useState(begun);
  const leaving = useLeaving();
  const queries = useQueryClient();
  const within = usePlaces(organisation, form.everywhere);
  const set = (more: Partial<DirectoryForm>) => setForm((now) => ({ ...now, ...more }));
  const save = useMutation({
    mutationFn: () => put<Directory>(directoryAt(organisation), bodyOf(form)),
    onSuccess: async () => {
      leaving.current = true;
      await queries.invalidateQueries({ queryKey: directoryKey(organisation) });
      await queries.invalidateQueries({ queryKey: ["members"] });
      onClose();
    },
  });
  const dirty = JSON.stringify(form) !== JSON.stringify(begun);
  const fault = directoryFault(form);
  const ready = !fault && (dirty || directory === null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) save.mutate();
  };
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={720}
      title={<strong>{directory ? "The directory" : "Let an identity provider keep people"}</strong>}
    >
      <form onSubmit={submit} style={{ display: "grid", gap: 16 }} aria-label="Directory">
        <TextInput
          label="What it is called"
          description="For people here: Okta, Entra ID."
          value={form.label}
          onChange={(event) => set({ label: event.currentTarget.value })}
          data-autofocus
        />
        <GroupLines lines={form.roles} roles={roles} within={within} onChange={(lines) => set({ roles: lines })} />
        {fault && <Notice tone="warn">{fault}</Notice>}
        <Select
          label="Whom the provider deletes, it"
          description="Sessions and keys end at once either way."
          data={ON_DELETE}
          value={form.on_delete}
          allowDeselect={false}
          onChange={(value) => value && set({ on_delete: value as DirectoryForm["on_delete"] })}
        />
        <Switch
          label="Its people are those of the whole server"
          description="Who is deactivated is locked out of every organisation, and groups may give roles everywhere. Needs everything on the server."
          checked={form.everywhere}
          onChange={(event) => set({ everywhere: event.currentTarget.checked })}
        />
        {directory && <Notice tone="warn">Roles of the people it keeps follow as soon as it is saved.</Notice>}
        {save.isError && <ProblemNotice error={save.error} />}
        <div className={css.acts}>
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="sm" loading={save.isPending} disabled={!ready}>
            {directory ? "Save" : "Switch it on"}
          </Button>
        </div>
      </form>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Drawer>
  );
}

/** The organisation and its projects; the whole server where the directory is of that. */
function usePlaces(organisation: string, everywhere: boolean): string[] {
  const projects = useQuery(projectsQuery());
  const mine = (projects.data ?? []).filter((project) => project.organisation === organisation);
  return [
    ...(everywhere ? ["instance"] : []),
    `organisation:${organisation}`,
    ...mine.map((project) => `project:${project.slug}`),
  ];
}
