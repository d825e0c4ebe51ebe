/** Who may come in and what they may do: members of a place, roles, identity providers, sessions, second factors. */

import { queryOptions } from "@tanstack/react-query";
import { ApiProblem, get, inProject } from "./client";
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
export type Directory = Omit<S["DirectoryView"], "roles"> & { roles: Meaning[] };
export type DirectoryBody = S["DirectoryBody"];
export type Domains = S["DomainsView"];
export type DirectoryToken = S["DirectoryTokenView"];
export type DirectoryGroup = S["DirectoryGroupView"];
export type IssuedDirectoryToken = S["IssuedDirectoryToken"];
/** What has a default is left out of answers. */
export type Meaning = Partial<S["Meaning"]> & { group: string; role: string };
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

const organisationAt = (slug: string): Place => ({ kind: "organisation", slug });

/** The path of an organisation's directory, or of what is below it. */
export const directoryAt = (slug: string, ...parts: string[]) => at(organisationAt(slug), "directory", ...parts);
export const directoryKey = (slug: string) => ["directory", slug] as const;

/** Null where no identity provider keeps the organisation's people. */
export const directoryQuery = (slug: string) =>
  queryOptions({
    queryKey: [...directoryKey(slug), "terms"],
    queryFn: async ({ signal }): Promise<Directory | null> => {
      try {
        return await get<Directory>(directoryAt(slug), signal);
      } catch (error) {
        if (error instanceof ApiProblem && error.status === 404) return null;
        throw error;
      }
    },
    retry: mayPass,
  });

/** The path of the domains of e-mail that are an organisation's own. */
export const domainsAt = (slug: string) => at(organisationAt(slug), "domains");
export const domainsKey = (slug: string) => ["domains", slug] as const;
export const domainsQuery = (slug: string) =>
  queryOptions({
    queryKey: domainsKey(slug),
    queryFn: ({ signal }) => get<Domains>(domainsAt(slug), signal),
    retry: mayPass,
  });

export const directoryTokensQuery = (slug: string) =>
  queryOptions({
    queryKey: [...directoryKey(slug), "tokens"],
    queryFn: async ({ signal }) => (await get<{ items: DirectoryToken[] }>(directoryAt(slug, "tokens"), signal)).items,
    retry: mayPass,
  });

/** What the provider has sent so far. */
export const directoryGroupsQuery = (slug: string) =>
  queryOptions({
    queryKey: [...directoryKey(slug), "groups"],
    queryFn: ({ signal }) => everyPage<DirectoryGroup>(directoryAt(slug, "groups"), signal),
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
