/** Questions about how long data is kept and about erasing it, each with its cache key. */

import { queryOptions } from "@tanstack/react-query";
import { get, inProject, withQuery } from "./client";
import { everyPage } from "./queries";
import type {
  AggregateReport,
  ErasureView,
  MappingView,
  NewErasure,
  OverAge,
  Page,
  RetentionRunView,
  RetentionView,
  Window,
} from "./types";

const WATCHED_MS = 1_000;
const RUNS_SHOWN = 20;

export const retentionQuery = (project: string) =>
  queryOptions({
    queryKey: ["retention", project],
    queryFn: ({ signal }) => get<RetentionView>(inProject(project, "retention"), signal),
  });

/** Which mappers have read the spans of other tools; `watched` while they are read again. */
export const mappingQuery = (project: string, window: Window, watched: boolean) =>
  queryOptions({
    queryKey: ["mapping", project, window.start, window.end],
    queryFn: ({ signal }) => get<MappingView>(withQuery(inProject(project, "remap"), { ...window }), signal),
    refetchInterval: (query) => (watched || (query.state.data?.waiting ?? 0) > 0 ? 2 * WATCHED_MS : 60 * WATCHED_MS),
  });

/** What a run would remove; `rules` are days, `keep`, or empty for what is in force. */
export const previewQuery = (project: string, rules: Record<string, string>) =>
  queryOptions({
    queryKey: ["retention-preview", project, rules],
    queryFn: ({ signal }) =>
      get<{ items: OverAge[] }>(withQuery(inProject(project, "retention", "preview"), rules), signal),
    placeholderData: (before) => before,
  });

export const retentionRunsQuery = (project: string) =>
  queryOptions({
    queryKey: ["retention-runs", project],
    queryFn: ({ signal }) =>
      get<Page<RetentionRunView>>(withQuery(inProject(project, "retention", "runs"), { limit: RUNS_SHOWN }), signal),
    refetchInterval: (query) =>
      query.state.data?.items.some((run) => run.state === "running") ? WATCHED_MS : 30 * WATCHED_MS,
  });

export const erasuresQuery = (project: string) =>
  queryOptions({
    queryKey: ["erasures", project],
    queryFn: ({ signal }) => everyPage<ErasureView>(inProject(project, "erasures"), signal),
    refetchInterval: (query) =>
      query.state.data?.some((job) => job.state === "running") ? WATCHED_MS : 30 * WATCHED_MS,
  });

/** How many traces are of somebody, of all time, and when the first and the last began. */
export const belongsQuery = (project: string, { subject, value }: NewErasure) =>
  queryOptions({
    queryKey: ["belongs", project, subject, value],
    queryFn: ({ signal }) => {
      const q = `${subject}:"${value.replace(/(["\\])/g, "\\$1")}"`;
      const asked = { q, metrics: "count,errors", interval: "none", start: 0, end: Date.now() + 60_000 };
      return get<AggregateReport>(withQuery(inProject(project, "aggregate"), asked), signal);
    },
    enabled: value !== "",
    retry: false,
  });
