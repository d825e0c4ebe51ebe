/** Questions about suites and scorers, each with its cache key. */

import { queryOptions } from "@tanstack/react-query";
import { get, inProject, post } from "./client";
import type { EstimateView, JudgeView, NewExperiment, ScorerView, SuiteView } from "./evaluationTypes";
import { everyPage, mayPass } from "./queries";

export const suitesKey = (project: string) => ["suites", project] as const;

export const suitesQuery = (project: string, archived = false) =>
  queryOptions({
    queryKey: [...suitesKey(project), "list", archived],
    queryFn: ({ signal }) =>
      everyPage<SuiteView>(inProject(project, "suites"), signal, archived ? { archived: "true" } : undefined),
  });

export const suiteQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: [...suitesKey(project), "one", name],
    queryFn: ({ signal }) => get<SuiteView>(inProject(project, "suites", name), signal),
    retry: mayPass,
  });

/** What can judge out of the box, with what each may be set to. */
export const scorersQuery = (project: string) =>
  queryOptions({
    queryKey: ["scorers", project],
    queryFn: ({ signal }) => everyPage<ScorerView>(inProject(project, "scorers"), signal),
    staleTime: 300_000,
  });

/** The newest version of each judge that the team wrote. */
export const judgesQuery = (project: string) =>
  queryOptions({
    queryKey: ["judges", project],
    queryFn: ({ signal }) => everyPage<JudgeView>(inProject(project, "judges"), signal),
    staleTime: 15_000,
  });

/** What a run would cost, before it is begun. */
export const estimateQuery = (project: string, asked: NewExperiment, ready: boolean) =>
  queryOptions({
    queryKey: ["experiment-estimate", project, asked],
    queryFn: () => post<EstimateView>(inProject(project, "experiments", "estimate"), asked),
    enabled: ready,
    gcTime: 30_000,
    retry: mayPass,
  });

/** How many cases show a difference of `margin` in a share; and what the cases that there are would show. */
export const sampleSizeQuery = (project: string, asked: { margin: number; repeats: number; cases?: number }) =>
  queryOptions({
    queryKey: ["sample-size", project, asked],
    queryFn: () =>
      post<{ cases: number; margin_seen: number | null; says: string }>(inProject(project, "sample-size"), asked),
    staleTime: Number.POSITIVE_INFINITY,
    retry: mayPass,
  });
