/** An organisation's directory as a form has it. */

import type { Directory, DirectoryBody, DirectoryGroup, Meaning } from "@/api/identity";
import { type GroupLine, rolesOfForm } from "./providerForm";

export interface DirectoryForm {
  label: string;
  on_delete: Directory["on_delete"];
  everywhere: boolean;
  roles: GroupLine[];
}

/** Where what a group means holds, as `GroupLine.place` has it. */
export function placeOfMeaning(each: Meaning, organisation: string): string {
  if (each.instance) return "instance";
  return each.project ? `project:${each.project}` : `organisation:${organisation}`;
}

/** A new one gives nothing until a group is named. */
export const formOfDirectory = (directory: Directory | null): DirectoryForm => ({
  label: directory?.label ?? "",
  on_delete: directory?.on_delete ?? "deactivate",
  everywhere: directory?.everywhere ?? false,
  roles: (directory?.roles ?? []).map((each, id) => ({
    id,
    group: each.group,
    role: each.role,
    place: placeOfMeaning(each, directory?.organisation ?? ""),
  })),
});

export const bodyOf = (form: DirectoryForm): Omit<DirectoryBody, "expected_revision"> => ({
  label: form.label.trim(),
  on_delete: form.on_delete,
  everywhere: form.everywhere,
  roles: rolesOfForm(form.roles).map(({ group, role, project, organisation }) => ({
    group,
    role,
    project: project ?? null,
    instance: !project && !organisation,
  })),
});

/** What is wrong, empty for nothing: only a directory of the whole server gives roles there. */
export function directoryFault(form: DirectoryForm): string {
  const wide = form.roles.find((line) => line.place === "instance" && line.group.trim() !== "");
  return wide && !form.everywhere
    ? `“${wide.group.trim()}” would have a role everywhere: choose another place, or make it a directory of the whole server.`
    : "";
}

/** Groups that the provider has sent and no line names, by display name in any case or by external id. */
export function unnamed(groups: readonly DirectoryGroup[], roles: readonly Meaning[]): DirectoryGroup[] {
  const named = new Set(roles.map((each) => each.group.toLowerCase()));
  const ids = new Set(roles.map((each) => each.group));
  return groups.filter(
    (group) => !named.has(group.name.toLowerCase()) && !(group.external_id && ids.has(group.external_id)),
  );
}
