/** Policies, data classes and data terms: their shapes under the names the console uses, and questions about them. */

import { queryOptions } from "@tanstack/react-query";
import { get, inProject } from "./client";
import { everyPage, mayPass } from "./queries";
import type { components } from "./schema";

type S = components["schemas"];

export type PolicySet = S["PolicySetView"];
export type PolicyDetail = S["PolicySetDetail"];
export type PolicyCheck = S["PolicyCheck"];
export type PolicyPlan = S["PolicyPlan"];
export type PolicyLine = S["PolicyPlan"]["effect"]["lines"][number];
export type DataClasses = S["DataClassesView"];
export type DataTerms = S["DataTermsPage"];

export const policiesKey = (project: string) => ["access-policies", project] as const;

export const policiesQuery = (project: string) =>
  queryOptions({
    queryKey: [...policiesKey(project), "list"],
    queryFn: ({ signal }) => everyPage<PolicySet>(inProject(project, "access-policies"), signal),
  });

export const policyQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: [...policiesKey(project), "one", name],
    queryFn: ({ signal }) => get<PolicyDetail>(inProject(project, "access-policies", name), signal),
    retry: mayPass,
  });

export const policySchemaQuery = queryOptions({
  queryKey: ["policy-schema"],
  queryFn: async ({ signal }) => (await get<{ schema: string }>("/policy-schema", signal)).schema,
  staleTime: Number.POSITIVE_INFINITY,
});

export const dataClassesQuery = (project: string) =>
  queryOptions({
    queryKey: [...policiesKey(project), "classes"],
    queryFn: ({ signal }) => get<DataClasses>(inProject(project, "data-classes"), signal),
  });

export const dataTermsQuery = (project: string) =>
  queryOptions({
    queryKey: [...policiesKey(project), "terms"],
    queryFn: ({ signal }) => get<DataTerms>(inProject(project, "data-terms"), signal),
  });
