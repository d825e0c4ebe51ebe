/** What is asked about batches that were made through the gateway. */

import { infiniteQueryOptions, keepPreviousData } from "@tanstack/react-query";
import { get, inProject, withQuery } from "./client";
import type { BatchPage } from "./types";

const LIST_SIZE = 50;
/** While one of those shown is open, its end is on its way. */
const AGAIN_MS = 15_000;

export const batchesQuery = (project: string, state: string) =>
  infiniteQueryOptions({
    queryKey: ["batches", project, state],
    queryFn: ({ pageParam, signal }) => {
      const query = { state, cursor: pageParam, limit: LIST_SIZE };
      return get<BatchPage>(withQuery(inProject(project, "batches"), query), signal);
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state: { data } }) =>
      data?.pages.some((page) => page.items.some((batch) => batch.settled === null)) ? AGAIN_MS : false,
  });
