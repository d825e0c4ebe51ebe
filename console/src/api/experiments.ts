/** Questions about suites, scorers and experiments, each with its cache key. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, inProject, post, withQuery } from "./client";
import type { Cell, ExperimentState, ExperimentView, NewExperiment, Report, ResumeExperiment } from "./evaluationTypes";
import { everyPage, mayPass } from "./queries";
import type { Page } from "./types";

const WATCHED_MS = 1_500;
const CALM_MS = 15_000;
const AT_ONCE = 50;

/** Everything about experiments: what starting or stopping one makes stale. */
export const experimentsKey = (project: string) => ["experiments", project] as const;

export const isRunning = (state: ExperimentState) => state === "queued" || state === "running";

/** Newest first. */
export const experimentsQuery = (
  project: string,
  filter: { suite?: string; state?: string; subject?: string; scorer?: string },
) =>
  infiniteQueryOptions({
    queryKey: [...experimentsKey(project), "list", filter],
    queryFn: ({ pageParam, signal }) =>
      get<Page<ExperimentView>>(
        withQuery(inProject(project, "experiments"), { ...filter, cursor: pageParam, limit: AT_ONCE }),
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor ?? null,
    refetchInterval: (query) =>
      query.state.data?.pages.some((page) => page.items.some((each) => isRunning(each.state))) ? WATCHED_MS : CALM_MS,
    placeholderData: keepPreviousData,
  });

/** Again and again while it runs. */
export const experimentQuery = (project: string, id: string) =>
  queryOptions({
    queryKey: [...experimentsKey(project), "one", id],
    queryFn: ({ signal }) => get<ExperimentView>(inProject(project, "experiments", id), signal),
    refetchInterval: (query) => (query.state.data && isRunning(query.state.data.state) ? WATCHED_MS : CALM_MS),
    retry: mayPass,
  });

/** Of one that ended it never changes. */
export const reportQuery = (project: string, id: string, ended: boolean) =>
  queryOptions({
    queryKey: [...experimentsKey(project), "report", id, ended],
    queryFn: ({ signal }) =>
      get<Report>(withQuery(inProject(project, "experiments", id, "report"), { format: "json" }), signal),
    enabled: ended,
    staleTime: Number.POSITIVE_INFINITY,
    retry: mayPass,
  });

/** Every answer to one case. */
export const cellsQuery = (project: string, id: string, caseId: string) =>
  queryOptions({
    queryKey: [...experimentsKey(project), "cells", id, caseId],
    queryFn: ({ signal }) =>
      everyPage<Cell>(inProject(project, "experiments", id, "cells"), signal, { case_id: caseId }),
    staleTime: WATCHED_MS,
    retry: mayPass,
  });

export const startExperiment = (project: string, wanted: NewExperiment) =>
  post<ExperimentView>(inProject(project, "experiments"), wanted);

export const cancelExperiment = (project: string, id: string) =>
  post<ExperimentView>(inProject(project, "experiments", id, "cancel"));

/** Goes on with one that ended; what is there is not asked for again, but for errors where that is wanted. */
export const resumeExperiment = (project: string, id: string, how: ResumeExperiment) =>
  post<ExperimentView>(inProject(project, "experiments", id, "resume"), how);
