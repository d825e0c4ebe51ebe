/** Every question the console asks, with its cache key beside it. */

import { infiniteQueryOptions, keepPreviousData, queryOptions, replaceEqualDeep } from "@tanstack/react-query";
import { passes } from "@/lib/away";
import { ApiProblem, get, getRows, inProject, withQuery } from "./client";
import type {
  BurnDown,
  CacheView,
  CallPolicyView,
  CardView,
  Completion,
  CostGroup,
  Costly,
  CostlyCall,
  CostReport,
  Facet,
  GroupBy,
  KeyPage,
  KeyView,
  LimitEventView,
  LimitView,
  Me,
  ModelView,
  Overview,
  Page,
  PriceView,
  ProjectView,
  ProviderKindView,
  ProviderView,
  ResiliencePage,
  ResilienceView,
  RouteView,
  ServerStatus,
  SpanIO,
  TargetView,
  TraceDetail,
  TracePage,
  WasteReport,
  WaysIn,
  Window,
} from "./types";

export const PAGE_SIZE = 100;
const KEYS_AT_ONCE = 50;

/** Every item of a list that comes in pages. */
export async function everyPage<T>(
  path: string,
  signal: AbortSignal,
  query: Record<string, string> = {},
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await get<Page<T>>(withQuery(path, { ...query, cursor }), signal);
    items.push(...page.items);
    cursor = page.cursor;
  } while (cursor);
  return items;
}

export const meQuery = () =>
  queryOptions({ queryKey: ["me"], queryFn: ({ signal }) => get<Me>("/me", signal), staleTime: 60_000 });

export const statusQuery = () =>
  queryOptions({
    queryKey: ["status"],
    queryFn: ({ signal }) => get<ServerStatus>("/status", signal),
    refetchInterval: 4_000,
    staleTime: 2_000,
    retry: false,
  });

export const projectsQuery = () =>
  queryOptions({
    queryKey: ["projects"],
    queryFn: ({ signal }) => everyPage<ProjectView>("/projects", signal),
    staleTime: 30_000,
  });

/** All that is asked of a project's keys begins with it: it is asked anew when one was made or changed. */
export const keysKey = (project: string) => ["keys", project] as const;

export interface KeyFilter {
  q?: string;
  state?: "active" | "ended";
}

/** Every live key of a member or a service account. */
export const ownedKeysQuery = (project: string, owner: string) =>
  queryOptions({
    queryKey: [...keysKey(project), "owned", owner],
    queryFn: ({ signal }) =>
      everyPage<KeyView>(inProject(project, "keys"), signal, { owner, state: "active", limit: "500" }),
  });

const NAMED_AT_ONCE = 100;

/** These keys, where there are such, ended ones too: to tell their names. */
export const namedKeysQuery = (project: string, ids: string[]) =>
  queryOptions({
    queryKey: [...keysKey(project), "named", ids],
    queryFn: async ({ signal }) => {
      const found: KeyView[] = [];
      for (let at = 0; at < ids.length; at += NAMED_AT_ONCE) {
        const some = ids.slice(at, at + NAMED_AT_ONCE).map((id) => `id=${encodeURIComponent(id)}`);
        const path = `${inProject(project, "keys")}?${some.join("&")}&limit=${NAMED_AT_ONCE}`;
        found.push(...(await get<KeyPage>(path, signal)).items);
      }
      return found;
    },
    enabled: ids.length > 0,
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });

/** Page by page, newest first; asked anew with all others when a key was made or changed. */
export const keyPagesQuery = (project: string, filter: KeyFilter) =>
  infiniteQueryOptions({
    queryKey: [...keysKey(project), "pages", filter],
    queryFn: ({ pageParam, signal }) =>
      get<KeyPage>(
        withQuery(inProject(project, "keys"), { ...filter, cursor: pageParam, limit: KEYS_AT_ONCE }),
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor ?? null,
    placeholderData: keepPreviousData,
  });

const KEYS_OFFERED = 50;

/** The newest that fit, to choose one of; ended ones count where no state is named. */
export const foundKeysQuery = (project: string, filter: KeyFilter) =>
  queryOptions({
    queryKey: [...keysKey(project), "found", filter],
    queryFn: ({ signal }) =>
      get<KeyPage>(withQuery(inProject(project, "keys"), { ...filter, limit: KEYS_OFFERED }), signal),
    placeholderData: keepPreviousData,
  });

/** How many there are. */
export const keyCountQuery = (project: string, filter: KeyFilter) =>
  queryOptions({
    queryKey: [...keysKey(project), "count", filter],
    queryFn: ({ signal }) => get<KeyPage>(withQuery(inProject(project, "keys"), { ...filter, limit: 1 }), signal),
    select: (page) => page.total,
    placeholderData: keepPreviousData,
  });

/** How people may sign in; needs no session. */
export const waysInQuery = () =>
  queryOptions({ queryKey: ["sign-in"], queryFn: ({ signal }) => get<WaysIn>("/sign-in", signal), staleTime: 60_000 });

/** Keys of no project: the admin's. */
export const serverKeysQuery = () =>
  queryOptions({
    queryKey: ["keys"],
    queryFn: ({ signal }) => everyPage<KeyView>("/keys", signal),
    staleTime: 60_000,
    retry: false,
  });

export const kindsQuery = () =>
  queryOptions({
    queryKey: ["provider-kinds"],
    queryFn: ({ signal }) => get<ProviderKindView[]>("/provider-kinds", signal),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const providersQuery = (project: string) =>
  queryOptions({
    queryKey: ["providers", project],
    queryFn: ({ signal }) => everyPage<ProviderView>(inProject(project, "providers"), signal),
    refetchInterval: 15_000,
  });

export const modelsQuery = (project: string) =>
  queryOptions({
    queryKey: ["models", project],
    queryFn: ({ signal }) => everyPage<ModelView>(inProject(project, "models"), signal),
    refetchInterval: 15_000,
  });

/** How targets fare, as the worker that answers has seen it since it started. */
export const targetsQuery = (project: string) =>
  queryOptions({
    queryKey: ["targets", project],
    queryFn: ({ signal }) => everyPage<TargetView>(inProject(project, "targets"), signal),
    refetchInterval: 3_000,
  });

/** The policies of providers and models that have their own, and the one that holds for all others. */
export const resilienceQuery = (project: string) =>
  queryOptions({
    queryKey: ["resilience", project],
    queryFn: async ({ signal }) => {
      const items: ResilienceView[] = [];
      let page: ResiliencePage;
      let cursor: string | null = null;
      do {
        page = await get<ResiliencePage>(withQuery(inProject(project, "resilience"), { cursor }), signal);
        items.push(...page.items);
        cursor = page.cursor;
      } while (cursor);
      return { items, defaults: page.defaults };
    },
    refetchInterval: 15_000,
  });

/** A model's newest capability card; null where it was never tried. */
export const cardQuery = (project: string, model: string) =>
  queryOptions({
    queryKey: ["card", project, model],
    queryFn: async ({ signal }) => {
      try {
        return await get<CardView>(inProject(project, "models", model, "card"), signal);
      } catch (error) {
        if (error instanceof ApiProblem && error.code === "no_card") return null;
        throw error;
      }
    },
    refetchInterval: 15_000,
    retry: mayPass,
  });

export const priceQuery = (project: string, model: string) =>
  queryOptions({
    queryKey: ["price", project, model],
    queryFn: ({ signal }) => get<PriceView>(withQuery(inProject(project, "price"), { model }), signal),
    staleTime: 60_000,
    retry: false,
  });

export const overviewQuery = (project: string, q: string, window: Window, groupBy: GroupBy) =>
  queryOptions({
    queryKey: ["overview", project, q, window.start, window.end, groupBy],
    queryFn: ({ signal }) =>
      get<Overview>(withQuery(inProject(project, "overview"), { q, ...window, group_by: groupBy }), signal),
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });

export const facetsQuery = (project: string, q: string, window: Window) =>
  queryOptions({
    queryKey: ["facets", project, q, window.start, window.end],
    queryFn: ({ signal }) => get<Facet[]>(withQuery(inProject(project, "facets"), { q, ...window }), signal),
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });

/** What could be typed at the end of `q`; values are of the newest calls of the window. */
export const completionQuery = (project: string, q: string, window: Window) =>
  queryOptions({
    queryKey: ["completion", project, q, window.start, window.end],
    queryFn: ({ signal }) =>
      get<Completion>(withQuery(inProject(project, "search", "complete"), { q, ...window }), signal),
    staleTime: 30_000,
    gcTime: 60_000,
    retry: false,
  });

export const cacheQuery = (project: string, days: number) =>
  queryOptions({
    queryKey: ["cache", project, days],
    queryFn: ({ signal }) => get<CacheView>(withQuery(inProject(project, "cache"), { days }), signal),
    refetchInterval: 15_000,
  });

/** What holds by called name: cache and context. */
export const callPoliciesQuery = (project: string) =>
  queryOptions({
    queryKey: ["call-policies", project],
    queryFn: ({ signal }) => everyPage<CallPolicyView>(inProject(project, "policies"), signal),
  });

export const routesQuery = (project: string) =>
  queryOptions({
    queryKey: ["routes", project],
    queryFn: ({ signal }) => everyPage<RouteView>(inProject(project, "routes"), signal),
    refetchInterval: 5_000,
  });

/** The newest calls of the last day that a search finds. */
export const lastCallsQuery = (project: string, q: string, limit: number) =>
  queryOptions({
    queryKey: ["last-calls", project, q, limit],
    queryFn: async ({ signal }) => {
      const end = Date.now() + 1000;
      const path = withQuery(inProject(project, "traces"), { q, start: end - 86_400_000, end, limit });
      return (await get<TracePage>(path, signal)).rows;
    },
    refetchInterval: 15_000,
  });

export const limitsQuery = (project: string) =>
  queryOptions({
    queryKey: ["limits", project],
    queryFn: ({ signal }) => everyPage<LimitView>(inProject(project, "limits"), signal),
    refetchInterval: 5_000,
  });

/** How one count of a limit came to what it is; `values` in the order of the rule's `per`. */
export const burnDownQuery = (project: string, limit: string, values: string[]) =>
  queryOptions({
    queryKey: ["burn-down", project, limit, values],
    queryFn: ({ signal }) => {
      const named = values.map((value) => `value=${encodeURIComponent(value)}`).join("&");
      const path = inProject(project, "limits", limit, "burn-down");
      return get<BurnDown>(named ? `${path}?${named}` : path, signal);
    },
    refetchInterval: 15_000,
  });

/** The newest hundred. */
export const limitEventsQuery = (project: string) =>
  queryOptions({
    queryKey: ["limit-events", project],
    queryFn: async ({ signal }) => (await get<Page<LimitEventView>>(inProject(project, "limit-events"), signal)).items,
    refetchInterval: 15_000,
  });

export const costsQuery = (project: string, q: string, window: Window, groupBy: CostGroup, energy = false) =>
  queryOptions({
    queryKey: ["costs", project, q, window.start, window.end, groupBy, energy],
    queryFn: ({ signal }) => {
      const query = { q, ...window, group_by: groupBy, energy: energy ? "true" : undefined };
      return get<CostReport>(withQuery(inProject(project, "costs"), query), signal);
    },
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });

const HOUR_MS = 3_600_000;
export const MOST_ATTEMPTS = 500;

/** The rows of the books for one trace's calls, with the estimate of their energy. */
export const attemptsQuery = (project: string, trace: { trace_id: string; started: number; duration: number }) =>
  queryOptions({
    queryKey: ["attempts", project, trace.trace_id, Math.round(trace.duration)],
    queryFn: ({ signal }) => {
      const start = Math.max(0, Math.floor(trace.started) - HOUR_MS);
      const end = Math.ceil(trace.started + trace.duration) + HOUR_MS;
      const query = { q: `trace:${trace.trace_id}`, start, end, limit: MOST_ATTEMPTS, energy: "true" };
      return get<CostlyCall[]>(withQuery(inProject(project, "costs", "attempts"), query), signal);
    },
    staleTime: 60_000,
  });

export const wasteQuery = (project: string, q: string, window: Window) =>
  queryOptions({
    queryKey: ["waste", project, q, window.start, window.end],
    queryFn: ({ signal }) =>
      get<WasteReport>(withQuery(inProject(project, "costs", "waste"), { q, ...window }), signal),
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });

export const costlyQuery = (project: string, q: string, window: Window) =>
  queryOptions({
    queryKey: ["costly", project, q, window.start, window.end],
    queryFn: ({ signal }) =>
      get<Costly>(withQuery(inProject(project, "costs", "top"), { q, ...window, limit: 10 }), signal),
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });

export const tracesQuery = (project: string, q: string, window: Window) =>
  infiniteQueryOptions({
    queryKey: ["traces", project, q, window.start, window.end],
    queryFn: ({ pageParam, signal }) =>
      get<TracePage>(
        withQuery(inProject(project, "traces"), { q, ...window, cursor: pageParam, limit: PAGE_SIZE }),
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  });

/** The newest rows since `start`, asked for again and again while the list is live. */
export const newestQuery = (project: string, q: string, start: number, everyMs: number | false) =>
  queryOptions({
    queryKey: ["traces-newest", project, q, start],
    queryFn: ({ signal }) =>
      get<TracePage>(
        withQuery(inProject(project, "traces"), { q, start, end: Date.now() + 1000, limit: PAGE_SIZE }),
        signal,
      ),
    refetchInterval: everyMs,
    enabled: everyMs !== false,
    gcTime: 0,
  });

const ALIKE_SPANS = 2_000;

/** When to ask again for a trace that grows. All of it comes anew, so that of a large one is asked more rarely: of 30,000
 * spans each time costs the server and the page some tenths of a second. */
export function growsIn(spans: number): number {
  return 1_500 + Math.max(0, spans - ALIKE_SPANS) / 8;
}

export const traceQuery = (project: string, traceId: string) =>
  queryOptions({
    queryKey: ["trace", project, traceId],
    queryFn: ({ signal }) => getRows<TraceDetail>(inProject(project, "traces", traceId), "spans", signal),
    // Value by value, 30,000 spans were compared for longer than they take to be drawn anew.
    structuralSharing: (before, now) =>
      (now as TraceDetail).spans.length > ALIKE_SPANS ? now : replaceEqualDeep(before, now),
    // A trace that still runs grows; one that is to be made anew changes then; any other does not.
    refetchInterval: (query) => {
      const trace = query.state.data;
      if (trace?.spans.some((span) => span.status === "running")) return growsIn(trace.spans.length);
      return updateComesIn(trace?.updating, Date.now());
    },
    staleTime: 10_000,
    retry: (count, error) => (isOnItsWay(traceId, error) ? count < 60 : mayPass(count, error)),
    retryDelay: (attempt, error) => (isOnItsWay(traceId, error) ? 400 : 600 * 2 ** attempt),
  });

/** When to ask again for a trace that is made anew from `updating` on: soon after that, and then every few seconds. What
 * waits longer than a minute could not be made anew, and is asked for by the minute. False where nothing waits. */
export function updateComesIn(updating: number | null | undefined, now: number): number | false {
  if (updating === null || updating === undefined) return false;
  return Math.min(60_000, Math.max(2_000, updating - now + 1_000));
}

/** Only what may pass by itself is tried again: the server away (0) or a store that starts (503). */
export function mayPass(count: number, error: Error): boolean {
  return passes(error) && count < 3;
}

const FRESH_MS = 60_000;

/** When a trace was begun, from its id: ours are UUIDv7, whose first 48 bits are Unix milliseconds. */
export function begunAt(traceId: string): number | null {
  return /^[0-9a-f]{12}7[0-9a-f]{3}[89ab]/.test(traceId) ? Number.parseInt(traceId.slice(0, 12), 16) : null;
}

/** A call made a moment ago is safe on disk, and in the store soon: its absence is not an answer yet. */
export function isOnItsWay(traceId: string, error: Error | null): boolean {
  const begun = begunAt(traceId);
  if (!(error instanceof ApiProblem) || error.status !== 404 || begun === null) return false;
  return Math.abs(Date.now() - begun) < FRESH_MS;
}

export const spanIOQuery = (project: string, traceId: string, spanId: string) =>
  queryOptions({
    queryKey: ["span-io", project, traceId, spanId],
    queryFn: ({ signal }) => get<SpanIO>(inProject(project, "traces", traceId, "spans", spanId, "io"), signal),
    staleTime: 60_000,
  });
