/** Who may come in and what they may do: members of a place, roles, identity providers, sessions, second factors. */

import { queryOptions } from "@tanstack/react-query";
import { get, inProject } from "./client";
import { everyPage, mayPass } from "./queries";
import type { components } from "./schema";
import type { MemberView, RoleList } from "./types";

type S = components["schemas"];

export type OwnSession = S["OwnSession"];
export type FactorState = S["FactorState"];
export type FactorSecret = S["FactorSecret"];
export type RecoveryCodes = S["RecoveryCodes"];
export type IdentityProvider = S["IdentityProviderView"];
export type ProviderCheck = S["ProviderCheck"];
export type GroupRole = S["GroupRole"];
export type OrganisationView = S["OrganisationView"];
export type PersonView = S["PersonView"];

/** Where a role is held. */
export interface Place {
  kind: "project" | "organisation";
  slug: string;
}

/** The path of a place, or of what is below it. */
export function at(place: Place, ...parts: string[]): string {
  if (place.kind === "project") return inProject(place.slug, ...parts);
  return ["/organisations", ...[place.slug, ...parts].map(encodeURIComponent)].join("/");
}

export const membersOf = (place: Place) =>
  queryOptions({
    queryKey: ["members", place.kind, place.slug],
    queryFn: ({ signal }) => everyPage<MemberView>(at(place, "members"), signal),
    retry: mayPass,
  });

/** The built-in roles, and those of the organisation: for a project, of the one it belongs to. */
export const rolesOf = (place: Place) =>
  queryOptions({
    queryKey: ["roles", place.kind, place.slug],
    queryFn: ({ signal }) => get<RoleList>(at(place, "roles"), signal),
    staleTime: 60_000,
    retry: mayPass,
  });

export const organisationQuery = (slug: string) =>
  queryOptions({
    queryKey: ["organisation", slug],
    queryFn: ({ signal }) => get<OrganisationView>(at({ kind: "organisation", slug }), signal),
    enabled: slug !== "",
    retry: mayPass,
  });

export const serviceAccountsQuery = (project: string) =>
  queryOptions({
    queryKey: ["service-accounts", project],
    queryFn: async ({ signal }) =>
      (await get<{ items: MemberView[] }>(inProject(project, "service-accounts"), signal)).items,
    retry: mayPass,
  });

export const identityProvidersQuery = () =>
  queryOptions({
    queryKey: ["identity-providers"],
    queryFn: async ({ signal }) => (await get<{ items: IdentityProvider[] }>("/identity-providers", signal)).items,
    retry: mayPass,
  });

/** Everybody who is known on this instance. */
export const everybodyQuery = () =>
  queryOptions({
    queryKey: ["people"],
    queryFn: ({ signal }) => everyPage<PersonView>("/people", signal),
    retry: mayPass,
  });

/** One's own; newest first. */
export const ownSessionsQuery = () =>
  queryOptions({
    queryKey: ["own-sessions"],
    queryFn: async ({ signal }) => (await get<{ items: OwnSession[] }>("/sessions", signal)).items,
    retry: mayPass,
  });

export const factorQuery = () =>
  queryOptions({
    queryKey: ["second-factor"],
    queryFn: ({ signal }) => get<FactorState>("/second-factor", signal),
    retry: mayPass,
  });
