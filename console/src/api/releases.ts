/** Questions about apps, releases, environments, rollouts and the audit trail, each with its cache key. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, inProject, withQuery } from "./client";
import { everyPage, mayPass } from "./queries";
import type {
  AppDetail,
  ApprovalView,
  AppView,
  AuditEntryView,
  EnvironmentView,
  GateView,
  PlacementView,
  PromptView,
  Readiness,
  ReleaseDetail,
  ReleaseDiff,
  ReleaseRow,
  RolloutDetail,
  RolloutView,
} from "./releaseTypes";
import type { AggregateReport, Page } from "./types";

const WATCHED_MS = 2_000;
const CALM_MS = 15_000;
const DAY_MS = 86_400_000;
const TIMELINE = 20;
const AUDIT_PAGE = 50;

export const isOpen = (state: string) => state === "running" || state === "held";

/** Those in use, or those that were put away. */
export const appsQuery = (project: string, archived = false) =>
  queryOptions({
    queryKey: ["apps", project, archived],
    queryFn: ({ signal }) =>
      everyPage<AppView>(inProject(project, "apps"), signal, archived ? { archived: "true" } : undefined),
    refetchInterval: CALM_MS,
  });

export const appQuery = (project: string, app: string) =>
  queryOptions({
    queryKey: ["app", project, app],
    queryFn: ({ signal }) => get<AppDetail>(inProject(project, "apps", app), signal),
    refetchInterval: CALM_MS,
    retry: mayPass,
  });

/** Newest first. */
export const releasesQuery = (project: string, app: string) =>
  infiniteQueryOptions({
    queryKey: ["releases", project, app],
    queryFn: ({ pageParam, signal }) =>
      get<Page<ReleaseRow>>(
        withQuery(inProject(project, "apps", app, "releases"), { cursor: pageParam, limit: TIMELINE }),
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor,
    refetchInterval: CALM_MS,
  });

/** `release` is a number, `r12`, an environment's name or `latest`. */
export const releaseQuery = (project: string, app: string, release: string) =>
  queryOptions({
    queryKey: ["release", project, app, release],
    queryFn: ({ signal }) => get<ReleaseDetail>(inProject(project, "apps", app, "releases", release), signal),
    retry: mayPass,
    staleTime: /^r?\d+$/.test(release) ? Number.POSITIVE_INFINITY : CALM_MS,
  });

/** From `before` (empty: what `after` was made from) to `after`: releases, or `draft`. Of two that are frozen it never
 * changes. */
export const releaseDiffQuery = (project: string, app: string, before: string, after: string) =>
  queryOptions({
    queryKey: ["release-diff", project, app, before, after],
    queryFn: ({ signal }) =>
      get<ReleaseDiff>(withQuery(inProject(project, "apps", app, "diff"), { before, after }), signal),
    retry: mayPass,
    staleTime: /^r?\d+$/.test(before) && /^r?\d+$/.test(after) ? Number.POSITIVE_INFINITY : 0,
  });

export const environmentsQuery = (project: string) =>
  queryOptions({
    queryKey: ["environments", project],
    queryFn: ({ signal }) => everyPage<EnvironmentView>(inProject(project, "environments"), signal),
    refetchInterval: CALM_MS,
  });

/** What each environment runs of an app. */
export const placementsQuery = (project: string, app: string) =>
  queryOptions({
    queryKey: ["placements", project, app],
    queryFn: ({ signal }) => everyPage<PlacementView>(inProject(project, "apps", app, "environments"), signal),
    refetchInterval: 2 * WATCHED_MS,
    retry: mayPass,
  });

/** What an environment demands of a release, and what of it is missing; `noted`: there will be a note. */
export const readinessQuery = (project: string, app: string, environment: string, release: string, noted = false) =>
  queryOptions({
    queryKey: ["readiness", project, app, environment, release, noted],
    queryFn: ({ signal }) => {
      const path = inProject(project, "apps", app, "environments", environment, "readiness");
      return get<Readiness>(withQuery(path, { release, note: noted ? "given" : "" }), signal);
    },
    placeholderData: keepPreviousData,
    retry: mayPass,
  });

export const approvalsQuery = (project: string, app: string, release: string) =>
  queryOptions({
    queryKey: ["approvals", project, app, release],
    queryFn: ({ signal }) =>
      everyPage<ApprovalView>(inProject(project, "apps", app, "releases", release, "approvals"), signal),
    refetchInterval: CALM_MS,
    retry: mayPass,
  });

export const gateQuery = (project: string, app: string, release: string) =>
  queryOptions({
    queryKey: ["gate", project, app, release],
    queryFn: ({ signal }) => everyPage<GateView>(inProject(project, "apps", app, "releases", release, "gate"), signal),
    refetchInterval: CALM_MS,
    retry: mayPass,
  });

const ROLLOUTS_SHOWN = 50;

/** Newest first; `state` open stands for running and held, empty for any. */
export const rolloutsQuery = (project: string, filter: { app?: string; environment?: string; state?: string }) =>
  infiniteQueryOptions({
    queryKey: ["rollouts", project, filter],
    queryFn: ({ pageParam, signal }) =>
      get<Page<RolloutView>>(
        withQuery(inProject(project, "rollouts"), { ...filter, cursor: pageParam, limit: ROLLOUTS_SHOWN }),
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor,
    refetchInterval: 2 * WATCHED_MS,
    placeholderData: keepPreviousData,
  });

/** With the figures of both arms as they are now, again and again while it is open. */
export const rolloutQuery = (project: string, rollout: string) =>
  queryOptions({
    queryKey: ["rollout", project, rollout],
    queryFn: ({ signal }) => get<RolloutDetail>(inProject(project, "rollouts", rollout), signal),
    refetchInterval: (query) => (query.state.data && isOpen(query.state.data.state) ? WATCHED_MS : CALM_MS),
    retry: mayPass,
  });

export interface AuditFilter {
  subject?: string;
  actor?: string;
  action?: string;
  start?: number;
  end?: number;
}

/** Newest first. */
export const auditQuery = (project: string, filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ["audit", project, filter],
    queryFn: ({ pageParam, signal }) =>
      get<Page<AuditEntryView>>(
        withQuery(inProject(project, "audit"), { ...filter, cursor: pageParam, limit: AUDIT_PAGE }),
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor,
    refetchInterval: CALM_MS,
  });

/** Calls, errors and cost of the last day, grouped; `q` as in the trace list. */
export const dayQuery = (project: string, q: string, groupBy: string, metrics: string) =>
  queryOptions({
    queryKey: ["day", project, q, groupBy, metrics],
    queryFn: ({ signal }) => {
      const end = Date.now() + 1_000;
      const asked = { q, group_by: groupBy, metrics, interval: "none", start: end - DAY_MS, end, limit: 500 };
      return get<AggregateReport>(withQuery(inProject(project, "aggregate"), asked), signal);
    },
    refetchInterval: CALM_MS,
  });

export const promptNamesQuery = (project: string) =>
  queryOptions({
    queryKey: ["prompt-names", project],
    queryFn: ({ signal }) => everyPage<PromptView>(inProject(project, "prompts"), signal),
    staleTime: 30_000,
  });
