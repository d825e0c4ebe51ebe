/** Questions about sessions, users, tools, errors, graphs and comparisons, each with its cache key. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, inProject, withQuery } from "./client";
import { mayPass } from "./queries";
import type {
  AgentGraph,
  CauseReport,
  DeadLetterView,
  Page,
  SessionPage,
  SessionView,
  ToolReport,
  TraceComparison,
  UserPage,
  UserRow,
  Window,
} from "./types";

const LIST_SIZE = 50;

export const sessionsQuery = (project: string, q: string, window: Window, sort: string) =>
  infiniteQueryOptions({
    queryKey: ["sessions", project, q, window.start, window.end, sort],
    queryFn: ({ pageParam, signal }) => {
      const query = { q, ...window, sort, cursor: pageParam, limit: LIST_SIZE };
      return get<SessionPage>(withQuery(inProject(project, "sessions"), query), signal);
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor,
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });

export const sessionQuery = (project: string, session: string) =>
  infiniteQueryOptions({
    queryKey: ["session", project, session],
    queryFn: ({ pageParam, signal }) => {
      const query = { cursor: pageParam, limit: LIST_SIZE };
      return get<SessionView>(withQuery(inProject(project, "sessions", session), query), signal);
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor,
    retry: mayPass,
  });

export const usersQuery = (project: string, q: string, window: Window, sort: string) =>
  infiniteQueryOptions({
    queryKey: ["users", project, q, window.start, window.end, sort],
    queryFn: ({ pageParam, signal }) => {
      const query = { q, ...window, sort, cursor: pageParam, limit: LIST_SIZE };
      return get<UserPage>(withQuery(inProject(project, "users"), query), signal);
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor,
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });

export const userQuery = (project: string, user: string, window: Window) =>
  queryOptions({
    queryKey: ["user", project, user, window.start, window.end],
    queryFn: ({ signal }) => get<UserRow>(withQuery(inProject(project, "users", user), { ...window }), signal),
    placeholderData: keepPreviousData,
    retry: mayPass,
  });

export const causesQuery = (project: string, q: string, window: Window) =>
  queryOptions({
    queryKey: ["causes", project, q, window.start, window.end],
    queryFn: ({ signal }) => get<CauseReport>(withQuery(inProject(project, "errors"), { q, ...window }), signal),
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });

export const toolsQuery = (project: string, q: string, window: Window) =>
  queryOptions({
    queryKey: ["tools", project, q, window.start, window.end],
    queryFn: ({ signal }) => get<ToolReport>(withQuery(inProject(project, "tools"), { q, ...window }), signal),
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });

export const graphQuery = (project: string, traceId: string) =>
  queryOptions({
    queryKey: ["trace-graph", project, traceId],
    queryFn: ({ signal }) => get<AgentGraph>(inProject(project, "traces", traceId, "graph"), signal),
    staleTime: 10_000,
  });

export const compareQuery = (project: string, a: string, b: string) =>
  queryOptions({
    queryKey: ["compare", project, a, b],
    queryFn: ({ signal }) => get<TraceComparison>(withQuery(inProject(project, "compare"), { a, b }), signal),
    retry: mayPass,
  });

/** The newest hundred of the whole server. */
export const deadLettersQuery = () =>
  queryOptions({
    queryKey: ["dead-letters"],
    queryFn: async ({ signal }) => (await get<Page<DeadLetterView>>("/system/dead-letters", signal)).items,
    retry: mayPass,
  });
