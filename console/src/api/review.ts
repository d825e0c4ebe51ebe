/** Questions about review, each with its cache key. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, inProject, post, put, request, withQuery } from "./client";
import { everyPage, mayPass } from "./queries";
import type { Agreement, ItemChange, ItemView, NewVerdict, Overrides, QueueSpec, QueueView } from "./reviewTypes";
import type { Page } from "./types";

const WATCHED_MS = 5_000;
const AT_ONCE = 100;

/** Everything about review: what a verdict makes stale. */
export const reviewKey = (project: string) => ["review", project] as const;

export const queuesQuery = (project: string, archived = false) =>
  queryOptions({
    queryKey: [...reviewKey(project), "queues", archived],
    queryFn: ({ signal }) =>
      everyPage<QueueView>(inProject(project, "review", "queues"), signal, archived ? { archived: "true" } : undefined),
    refetchInterval: WATCHED_MS,
  });

export const queueQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: [...reviewKey(project), "queue", name],
    queryFn: ({ signal }) => get<QueueView>(inProject(project, "review", "queues", name), signal),
    retry: mayPass,
  });

/** Newest first. Of those that wait, the ones that the caller may take. */
export const itemsQuery = (project: string, queue: string, state: "open" | "done") =>
  infiniteQueryOptions({
    queryKey: [...reviewKey(project), "items", queue, state],
    queryFn: ({ pageParam, signal }) =>
      get<Page<ItemView>>(
        withQuery(inProject(project, "review", "items"), {
          queue,
          state,
          free: state === "open" ? "true" : null,
          cursor: pageParam,
          limit: AT_ONCE,
        }),
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor ?? null,
    refetchInterval: WATCHED_MS,
    placeholderData: keepPreviousData,
  });

export const itemQuery = (project: string, id: string) =>
  queryOptions({
    queryKey: [...reviewKey(project), "item", id],
    queryFn: ({ signal }) => get<ItemView>(inProject(project, "review", "items", id), signal),
    retry: mayPass,
  });

const at = (project: string, id: string, verb: string) => inProject(project, "review", "items", id, verb);

export const claim = (project: string, id: string) => post<ItemView>(at(project, id, "claim"));
export const release = (project: string, id: string) => post<ItemView>(at(project, id, "release"));

export const decide = (project: string, id: string, verdict: NewVerdict) =>
  post<ItemView>(at(project, id, "verdicts"), verdict);

export const putQueue = (project: string, name: string, spec: QueueSpec, revision: number) =>
  put<QueueView>(inProject(project, "review", "queues", name), { spec, expected_revision: revision });

/** Nothing is sent to it any more; to put it again brings it back. */
export const archiveQueue = (project: string, name: string, expected_revision: number) =>
  request<QueueView>("DELETE", withQuery(inProject(project, "review", "queues", name), { expected_revision }));

/** Claims what is most urgent; null where nothing waits for the caller. */
export const takeNext = (project: string, queue: string) =>
  post<{ item: ItemView | null }>(inProject(project, "review", "next"), { queue });

export const overridesQuery = (project: string, groupBy: string) =>
  queryOptions({
    queryKey: [...reviewKey(project), "overrides", groupBy],
    queryFn: ({ signal }) =>
      get<Overrides>(withQuery(inProject(project, "review", "overrides"), { group_by: groupBy }), signal),
    retry: mayPass,
  });

export const agreementQuery = (project: string, queue: string) =>
  queryOptions({
    queryKey: [...reviewKey(project), "agreement", queue],
    queryFn: ({ signal }) => get<Agreement>(withQuery(inProject(project, "review", "agreement"), { queue }), signal),
    enabled: queue !== "",
    retry: mayPass,
  });

export const sendToReview = (project: string, queue: string, traceIds: string[]) =>
  post<{ items: string[]; known: string[]; missing: string[] }>(inProject(project, "review", "items"), {
    queue,
    trace_ids: traceIds,
  });

export const changeItem = (project: string, id: string, wanted: ItemChange) =>
  post<ItemView>(at(project, id, "assign"), wanted);
