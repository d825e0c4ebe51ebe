/** Questions about sessions, users, tools, errors, graphs and comparisons, each with its cache key. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { parseWide } from "@/lib/wideJson";
import { get, inProject, requestText, withQuery } from "./client";
import { everyPage, mayPass } from "./queries";
import type {
  AgentGraph,
  AggregateReport,
  CauseReport,
  DashboardView,
  DeadLetterContent,
  DeadLetterView,
  DetectorList,
  SavedViewBody,
  SessionPage,
  SessionView,
  TextIndex,
  Tile,
  ToolReport,
  TraceComparison,
  UserPage,
  UserRow,
  Window,
} from "./types";

const LIST_SIZE = 50;
/** Of a session after its first, so that its end is ten questions away after 2,000. */
const LATER_TURNS = 200;

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
      const query = { cursor: pageParam, limit: pageParam ? LATER_TURNS : LIST_SIZE };
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
    queryFn: ({ signal }) => everyPage<DeadLetterView>("/system/dead-letters", signal, { limit: "500" }),
    retry: mayPass,
  });

export const detectorsQuery = (project: string) =>
  queryOptions({
    queryKey: ["detectors", project],
    queryFn: ({ signal }) => get<DetectorList>(inProject(project, "detectors"), signal),
    staleTime: 30_000,
  });

export const textIndexQuery = (project: string) =>
  queryOptions({
    queryKey: ["text-index", project],
    queryFn: ({ signal }) => get<TextIndex>(inProject(project, "search", "text-index"), signal),
    staleTime: 30_000,
  });

export const viewsQuery = (project: string) =>
  queryOptions({
    queryKey: ["views", project],
    queryFn: ({ signal }) => everyPage<SavedViewBody>(inProject(project, "views"), signal),
    staleTime: 30_000,
  });

export const dashboardsQuery = (project: string) =>
  queryOptions({
    queryKey: ["dashboards", project],
    queryFn: ({ signal }) => everyPage<DashboardView>(inProject(project, "dashboards"), signal),
    staleTime: 10_000,
  });

const MOST_METRICS = 16;

/** What is asked for a tile: beside a cost how many calls have no price, or what is known would look like all of it. */
export function metricsOf(tile: Pick<Tile, "metrics">): string[] {
  const asked = tile.metrics ?? ["count"];
  const whole = !asked.includes("cost") || asked.includes("unpriced") || asked.length >= MOST_METRICS;
  return whole ? asked : [...asked, "unpriced"];
}

/** What a tile shows of a window; `q` is the dashboard's and the tile's search together. */
export const tileQuery = (project: string, tile: Tile, q: string, window: Window) =>
  queryOptions({
    queryKey: ["tile", project, tile.of, tile.metrics, tile.group_by, tile.interval, tile.order, tile.limit, q, window],
    queryFn: ({ signal }) => {
      const query = {
        q,
        ...window,
        of: tile.of,
        metrics: metricsOf(tile).join(","),
        group_by: tile.group_by.join(","),
        interval: tile.interval,
        order: tile.order,
        limit: tile.limit,
      };
      return get<AggregateReport>(withQuery(inProject(project, "aggregate"), query), signal);
    },
    placeholderData: keepPreviousData,
    gcTime: 60_000,
    retry: mayPass,
  });

export const deadLetterQuery = (id: number) =>
  queryOptions({
    queryKey: ["dead-letter", id],
    queryFn: async ({ signal }) => {
      const text = await requestText("GET", `/system/dead-letters/${id}`, undefined, signal);
      return parseWide(text) as DeadLetterContent;
    },
    retry: mayPass,
  });
