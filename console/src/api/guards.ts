/** Guards: their shapes under the names the console uses, and questions about them, each with its cache key. */

import { queryOptions } from "@tanstack/react-query";
import { get, inProject, withQuery } from "./client";
import { everyPage, mayPass } from "./queries";
import type { components } from "./schema";
import type { JsonObject } from "./types";

type S = components["schemas"];

export type Stage = S["TrialStage"]["stage"];
export type Action = S["TrialStage"]["action"];
export type Role = S["GuardSpec"]["roles"][number];
export type Mode = NonNullable<S["GuardSpec"]["mode"]>;
/** What has a default is left out of answers, and may be left out of bodies. */
export type GuardSpec = Partial<Omit<S["GuardSpec"], "kind" | "options">> & { kind: string; options?: JsonObject };
export type GuardView = Omit<S["GuardView"], "spec"> & { spec: GuardSpec };
export type GuardKind = Omit<S["GuardKind"], "options"> & { options: JsonObject };
export type GuardReport = S["GuardReport"];
export type GuardTried = S["GuardTried"];
export type TrialStage = S["TrialStage"];
export type TriedFinding = S["TriedFinding"];
export type GuardWhy = S["GuardWhy"];
export type GuardVerdictLine = S["GuardVerdictLine"];
export type GuardPointKept = S["GuardPointView"];
export type GuardPoint = S["GuardPoint"];
export type GuardPointCheck = S["GuardPointCheck"];
export type OperatingPoint = S["OperatingPoint"];
export type PointPart = S["Part"];
export type PointCheck = S["Checked"];
export type GuardShare = S["GuardShare"];
export type ChooseGuardPoint = Partial<S["ChooseGuardPoint"]> & Pick<S["ChooseGuardPoint"], "max_false_positives">;
export type RefusalView = Required<S["ShownRefusal"]>;
/** A program beside Trimtab that guards ask. */
export type GuardService = S["GuardServiceView"];
/** A secret that is left out stays as it is; an empty one is forgotten. */
export type NewGuardService = Omit<S["NewGuardService"], "secret" | "expected_revision"> & { secret?: string };
export interface GuardDiff {
  before: number;
  after: number;
  changes: { field: string; before: unknown; after: unknown }[];
}

export const guardsKey = (project: string) => ["guards", project] as const;

export const guardsQuery = (project: string, archived = false) =>
  queryOptions({
    queryKey: [...guardsKey(project), "list", archived],
    queryFn: ({ signal }) =>
      everyPage<GuardView>(inProject(project, "guards"), signal, archived ? { archived: "true" } : undefined),
  });

/** What guards can be made of. */
export const guardKindsQuery = (project: string) =>
  queryOptions({
    queryKey: ["guard-kinds", project],
    queryFn: async ({ signal }) => (await get<{ items: GuardKind[] }>(inProject(project, "guard-kinds"), signal)).items,
    staleTime: 300_000,
  });

export const guardQuery = (project: string, name: string, version?: number) =>
  queryOptions({
    queryKey: [...guardsKey(project), "one", name, version ?? "newest"],
    queryFn: ({ signal }) => get<GuardView>(withQuery(inProject(project, "guards", name), { version }), signal),
    retry: mayPass,
  });

/** Newest first. */
export const guardVersionsQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: [...guardsKey(project), "versions", name],
    queryFn: ({ signal }) => everyPage<GuardView>(inProject(project, "guards", name, "versions"), signal),
    retry: mayPass,
  });

export const guardDiffQuery = (project: string, name: string, before: number, after: number) =>
  queryOptions({
    queryKey: [...guardsKey(project), "diff", name, before, after],
    queryFn: ({ signal }) =>
      get<GuardDiff>(withQuery(inProject(project, "guards", name, "diff"), { before, after }), signal),
    staleTime: Number.POSITIVE_INFINITY,
    retry: mayPass,
  });

/** What it did, or would have done, with the calls of the last so many days. */
export const guardReportQuery = (project: string, name: string, days: number) =>
  queryOptions({
    queryKey: [...guardsKey(project), "report", name, days],
    queryFn: ({ signal }) =>
      get<GuardReport>(
        withQuery(inProject(project, "guards", name, "report"), { start: Date.now() - days * 86_400_000 }),
        signal,
      ),
    staleTime: 15_000,
    retry: mayPass,
  });

/** By the reference that a user was given. */
export const guardWhyQuery = (project: string, reference: string) =>
  queryOptions({
    queryKey: [...guardsKey(project), "why", reference],
    queryFn: ({ signal }) => get<GuardWhy>(inProject(project, "guard-decisions", reference), signal),
    enabled: reference !== "",
    retry: false,
  });

export const refusalsQuery = (project: string) =>
  queryOptions({
    queryKey: ["guard-refusals", project],
    queryFn: async ({ signal }) =>
      (await get<{ items: RefusalView[] }>(inProject(project, "guard-refusals"), signal)).items,
  });

export const guardServicesQuery = (project: string) =>
  queryOptions({
    queryKey: ["guard-services", project],
    queryFn: async ({ signal }) =>
      (await get<{ items: GuardService[] }>(inProject(project, "guard-services"), signal)).items,
  });
