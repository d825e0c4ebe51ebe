import type { GroupRole } from "@/api/identity";
import type { MemberView, RoleView } from "@/api/types";

/** Where a role came from, in a person's words. */
export function sourceOf(member: MemberView): string {
  if (isByDirectory(member)) return "by the directory";
  return member.source.startsWith("oidc:") ? `by ${member.source.slice(5)}` : member.source;
}

/** What is done to it by hand, the provider's next change undoes. */
export const isByDirectory = (member: MemberView): boolean => member.source.startsWith("scim:");

export function stateOf(member: MemberView): "disabled" | "invited" | "active" {
  if (member.disabled !== null) return "disabled";
  return member.kind === "person" && member.seen === null ? "invited" : "active";
}

/** What is new in a role beside one that is given: for the hint below the choice. */
export function summaryOf(role: RoleView | undefined): string {
  if (!role) return "";
  return role.about || role.permissions.join(", ");
}

/** What may be given to members, built-in ones first. */
export function givable(roles: RoleView[]): { value: string; label: string }[] {
  return roles.filter((role) => role.for_members).map((role) => ({ value: role.name, label: role.name }));
}

/** `instance`, `organisation:SLUG` or `project:SLUG`: where a group's role is held. */
export function placeOfRole(each: GroupRole): string {
  if (each.project) return `project:${each.project}`;
  return each.organisation ? `organisation:${each.organisation}` : "instance";
}
