import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { newestQuery, tracesQuery } from "@/api/queries";
import type { SpanRow, Window } from "@/api/types";
import { hasGap, mergeRows } from "./merge";

export interface TraceList {
  rows: SpanRow[];
  error: Error | null;
  loading: boolean;
  hasMore: boolean;
  loadingMore: boolean;
  loadMore: () => void;
  behindMs: number;
}

/** Keyset pages into the past, and, while live, the newest page again and again on top of them. */
export function useTraceList(
  project: string,
  q: string,
  window: Window,
  liveMs: number | false,
  restart: () => void,
): TraceList {
  const pages = useInfiniteQuery(tracesQuery(project, q, window));
  const newest = useQuery(newestQuery(project, q, window.start, pages.isSuccess ? liveMs : false));
  const known = pages.data?.pages;
  const head = liveMs === false ? undefined : newest.data;
  const gap = hasGap(head, known ?? []);
  useEffect(() => {
    if (gap) restart();
  }, [gap, restart]);
  const rows = useMemo(() => mergeRows(head?.rows ?? [], known ?? []), [head, known]);
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
    behindMs: (head ?? known?.[0])?.behind_ms ?? 0,
  };
}
