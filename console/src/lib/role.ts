import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Place } from "@/api/identity";
import { meQuery } from "@/api/queries";
import type { Me } from "@/api/types";

/** What a caller holds in a project, as the server said; outside of one, on the whole server. */
export function heldIn(me: Me | undefined, project: string | undefined): ReadonlySet<string> {
  if (!me) return new Set();
  const here = project === undefined ? [] : (me.in_projects[project] ?? []);
  return new Set([...me.permissions, ...here]);
}

/** Whether this caller holds a permission here; the server decides, this only spares a refusal. */
export function useMay(permission: string): boolean {
  const { project } = useParams({ strict: false });
  return heldIn(useQuery(meQuery()).data, project).has(permission);
}

/** The same of a place that is not the page's: an organisation, say. */
export function useMayIn(permission: string, place: Place): boolean {
  const me = useQuery(meQuery()).data;
  if (place.kind === "project") return heldIn(me, place.slug).has(permission);
  return me !== undefined && [...me.permissions, ...(me.in_organisations[place.slug] ?? [])].includes(permission);
}

/** Reviewers work queues, and nothing else. */
export function useMayReview(): boolean {
  return useMay("review:write");
}

/** Why somebody may not who lacks a permission. */
export function lacking(permission: string): string {
  return `It takes the permission ${permission}, which you do not have here.`;
}

export const READ_ONLY = "You may look here, and change nothing.";

/** Whether the caller may do without what an environment demands: an administrator's, in an emergency. */
export function useMayOverride(): boolean {
  const { project } = useParams({ strict: false });
  const me = useQuery(meQuery()).data;
  return me?.role === "admin" && heldIn(me, project).has("key:write");
}
