/** Questions about datasets and their cases, each with its cache key. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, inProject, patch, post, put, sendFile, withQuery } from "./client";
import type { Case, DatasetDiff, DatasetVersion, DatasetView, WrittenCases } from "./evaluationTypes";
import { everyPage, mayPass } from "./queries";
import type { components } from "./schema";
import type { Page } from "./types";

const AT_ONCE = 200;

/** Everything about datasets: what a new version makes stale. */
export const datasetsKey = (project: string) => ["datasets", project] as const;

export const datasetsQuery = (project: string, archived = false) =>
  queryOptions({
    queryKey: [...datasetsKey(project), "list", archived],
    queryFn: ({ signal }) =>
      everyPage<DatasetView>(inProject(project, "datasets"), signal, archived ? { archived: "true" } : undefined),
  });

export const datasetQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: [...datasetsKey(project), "one", name],
    queryFn: ({ signal }) => get<DatasetView>(inProject(project, "datasets", name), signal),
    retry: mayPass,
  });

/** Newest first. */
export const datasetVersionsQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: [...datasetsKey(project), "versions", name],
    queryFn: ({ signal }) => everyPage<DatasetVersion>(inProject(project, "datasets", name, "versions"), signal),
    retry: mayPass,
  });

export interface CaseFilter {
  q?: string;
  split?: string;
  tag?: string;
}

/** `version` is a number or `latest`. */
export const casesQuery = (project: string, name: string, version: string, filter: CaseFilter) =>
  infiniteQueryOptions({
    queryKey: [...datasetsKey(project), "cases", name, version, filter],
    queryFn: ({ pageParam, signal }) =>
      get<Page<Case> & { total: number }>(
        withQuery(inProject(project, "datasets", name, "versions", version, "cases"), {
          ...filter,
          cursor: pageParam,
          limit: AT_ONCE,
        }),
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor ?? null,
    placeholderData: keepPreviousData,
    retry: mayPass,
  });

/** One case as it is in a version. */
export const caseQuery = (project: string, name: string, version: string, id: string) =>
  queryOptions({
    queryKey: [...datasetsKey(project), "case", name, version, id],
    queryFn: ({ signal }) => get<Case>(inProject(project, "datasets", name, "versions", version, "cases", id), signal),
    retry: mayPass,
  });

export interface CaseChanges {
  add?: unknown[];
  change?: unknown[];
  remove?: string[];
  message?: string;
  expected_revision?: number;
}

/** One new version, unless nothing changed. */
export const changeCases = (project: string, dataset: string, changes: CaseChanges) =>
  post<WrittenCases>(inProject(project, "datasets", dataset, "cases"), changes);

export interface DatasetBody {
  description?: string;
  licence?: string;
  schema?: unknown;
  archived?: boolean;
  expected_revision?: number;
}

export const putDataset = (project: string, name: string, body: DatasetBody) =>
  put<DatasetView>(inProject(project, "datasets", name), body);

/** From one version to another, a page at a time; of two versions it never changes. */
export const datasetDiffQuery = (project: string, name: string, before: string, after: string) =>
  infiniteQueryOptions({
    queryKey: [...datasetsKey(project), "diff", name, before, after],
    queryFn: ({ pageParam, signal }) =>
      get<DatasetDiff>(
        withQuery(inProject(project, "datasets", name, "diff"), { before, after, cursor: pageParam }),
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor ?? null,
    staleTime: Number.POSITIVE_INFINITY,
    retry: mayPass,
  });

export const patchDataset = (project: string, name: string, body: DatasetBody) =>
  patch<DatasetView>(inProject(project, "datasets", name), body);

export interface ImportPlan {
  format: "csv" | "jsonl" | "parquet";
  mode: string;
  file: string;
  columns: string[];
  split: string;
  tags: string[];
  uses: string[];
  licence: string;
  message: string;
}

const MEDIA = { csv: "text/csv", jsonl: "application/jsonlines", parquet: "application/x-parquet" };

/** The file becomes one version, or nothing of it does. */
export function importCases(project: string, dataset: string, file: Blob, plan: ImportPlan): Promise<WrittenCases> {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(plan)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== "") query.append(key, one);
  }
  return sendFile(`${inProject(project, "datasets", dataset, "import")}?${query}`, file, MEDIA[plan.format]);
}

/** Which calls become cases: those named, or what a search finds; and what is expected of an answer to them. */
export interface FromTraces {
  q?: string;
  start?: number;
  end?: number;
  traces?: string[];
  spans?: { trace_id: string; span_id: string }[];
  limit?: number;
  sample?: Sampling;
  split?: string;
  tags?: string[];
  expected?: Expectation;
}

export type Expectation = "none" | "answer" | "correction";
export type Sampling = "newest" | "diverse" | "failing" | "disputed";

export const fromTraces = (project: string, dataset: string, asked: FromTraces) =>
  post<WrittenCases>(inProject(project, "datasets", dataset, "from-traces"), asked);

export interface DuplicatesView {
  cases: number;
  /** Ids of cases that ask the very same. */
  exact: string[][];
  near: { one: string; other: string; likeness: number; split: boolean; text: string }[];
  across: number;
  more: boolean;
  says: string;
}

export const duplicatesQuery = (project: string, name: string, version: string) =>
  queryOptions({
    queryKey: [...datasetsKey(project), "duplicates", name, version],
    queryFn: ({ signal }) =>
      get<DuplicatesView>(withQuery(inProject(project, "datasets", name, "duplicates"), { version }), signal),
    retry: mayPass,
  });

export type CaseProposal = components["schemas"]["CaseProposal"];
export type GeneratedCases = components["schemas"]["GeneratedCases"];

/** What a model proposed and nobody decided on yet; oldest first. */
export const proposalsQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: [...datasetsKey(project), "proposals", name],
    queryFn: ({ signal }) => everyPage<CaseProposal>(inProject(project, "datasets", name, "proposals"), signal),
    retry: mayPass,
  });

/** A model proposes cases: a call or two, which cost at most `budget` US dollars. */
export const generateCases = (
  project: string,
  dataset: string,
  asked: { model: string; count: number; about: string; budget: string },
) => post<GeneratedCases>(inProject(project, "datasets", dataset, "generate"), asked);

export interface ProposalDecision {
  accept?: { id: string; case?: unknown }[];
  reject?: string[];
  message?: string;
}

/** What is accepted becomes cases, all of it as one version. */
export const decideProposals = (project: string, dataset: string, decision: ProposalDecision) =>
  post<WrittenCases>(inProject(project, "datasets", dataset, "proposals"), decision);
