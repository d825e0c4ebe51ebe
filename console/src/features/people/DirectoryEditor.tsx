import { Select, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { put } from "@/api/client";
import { type Directory, directoryAt, directoryKey } from "@/api/identity";
import { projectsQuery } from "@/api/queries";
import type { RoleView } from "@/api/types";
import { EditDrawer, useEditing } from "@/ui/EditDrawer";
import { Notice } from "@/ui/Notice";
import { bodyOf, type DirectoryForm, directoryFault, formOfDirectory } from "./directoryForm";
import { GroupLines } from "./ProviderEditor";

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
  const editing = useEditing({
    begin: () => formOfDirectory(directory),
    now: directory ? { form: formOfDirectory(directory), revision: directory.revision } : undefined,
    save: (form, _, revision = 0) =>
      put<Directory>(directoryAt(organisation), { ...bodyOf(form), expected_revision: revision }),
    stale: [directoryKey(organisation), ["members"]],
    onSaved: onClose,
  });
  const { form, set } = editing;
  const within = usePlaces(organisation, form.everywhere);
  const fault = directoryFault(form);
  return (
    <EditDrawer
      editing={editing}
      title={directory ? "The directory" : "Let an identity provider keep people"}
      label="Directory"
      size={720}
      gap={16}
      action={directory ? "Save" : "Switch it on"}
      off={fault !== "" || (directory !== null && !editing.dirty)}
      onClose={onClose}
    >
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
    </EditDrawer>
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
