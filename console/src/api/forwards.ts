/** Questions about where closed traces go, each with its cache key. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { get, inProject, withQuery } from "./client";
import { everyPage } from "./queries";
import type { ForwardEventPage, ForwardView } from "./types";

const WATCHED_MS = 5_000;
const AT_ONCE = 50;

/** All of them; also what makes stale what was not delivered. */
export const forwardsQuery = (project: string) =>
  queryOptions({
    queryKey: ["forwards", project],
    queryFn: ({ signal }) => everyPage<ForwardView>(inProject(project, "forwards"), signal),
    refetchInterval: WATCHED_MS,
  });

/** What was not delivered to one. */
export const forwardEventsQuery = (project: string, name: string) =>
  infiniteQueryOptions({
    queryKey: ["forwards", project, name, "events"],
    queryFn: ({ pageParam, signal }) =>
      get<ForwardEventPage>(
        withQuery(inProject(project, "forwards", name, "events"), { cursor: pageParam, limit: AT_ONCE }),
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor ?? null,
    refetchInterval: WATCHED_MS,
  });
