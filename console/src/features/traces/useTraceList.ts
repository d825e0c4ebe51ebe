import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { newestQuery, tracesQuery } from "@/api/queries";
import type { SpanRow, Window } from "@/api/types";
import { hasGap, mergeRows } from "./merge";
import { type TailState, useTail } from "./useTail";

const POLL_MS = 1500;

export interface TraceList {
  rows: SpanRow[];
  error: Error | null;
  loading: boolean;
  hasMore: boolean;
  loadingMore: boolean;
  loadMore: () => void;
  behindMs: number;
  tail: TailState;
}

/**
 * Keyset pages into the past, and, while live, what a stream tells on top of them. While there is no stream, and where it
 * told that more came than it tells, the newest page is asked for.
 */
export function useTraceList(
  project: string,
  q: string,
  window: Window,
  live: boolean,
  restart: () => void,
): TraceList {
  const pages = useInfiniteQuery(tracesQuery(project, q, window));
  const tail = useTail(project, q, window.end, live && pages.isSuccess);
  const streams = tail.state === "live" || tail.state === "connecting";
  const newest = useQuery(newestQuery(project, q, window.start, live && pages.isSuccess && !streams ? POLL_MS : false));
  const { refetch } = newest;
  useEffect(() => {
    if (tail.skipped > 0) void refetch();
  }, [tail.skipped, refetch]);
  const known = pages.data?.pages;
  const head = live ? newest.data : undefined;
  const gap = hasGap(head, known ?? []);
  useEffect(() => {
    if (gap) restart();
  }, [gap, restart]);
  const rows = useMemo(
    () => mergeRows([...tail.rows.filter((row) => row.started >= window.start), ...(head?.rows ?? [])], known ?? []),
    [tail.rows, head, known, window.start],
  );
  return {
    rows,
    error: pages.error ?? newest.error,
    loading: pages.isPending,
    hasMore: pages.hasNextPage,
    loadingMore: pages.isFetchingNextPage,
    loadMore: () => {
      if (pages.hasNextPage && !pages.isFetchingNextPage && !pages.isFetchNextPageError)
        void pages.fetchNextPage({ cancelRefetch: false });
    },
    behindMs: tail.state === "live" ? tail.behindMs : ((head ?? known?.[0])?.behind_ms ?? 0),
    tail: tail.state,
  };
}
