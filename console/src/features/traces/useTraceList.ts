import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo } from "react";
import { newestQuery, tracesQuery } from "@/api/queries";
import type { SpanRow, TracePage, Window } from "@/api/types";
import { hasGap, mergeRows } from "./merge";
import { useStill } from "./useStill";
import { type TailState, useTail } from "./useTail";

const POLL_MS = 1500;
/** Between two times that the list is read anew because more came than was told. */
const ANEW_MS = 5000;
const NO_PAGES: TracePage[] = [];

export interface TraceList {
  rows: SpanRow[];
  error: Error | null;
  loading: boolean;
  hasMore: boolean;
  loadingMore: boolean;
  loadMore: () => void;
  behindMs: number;
  tail: TailState;
  /** How many came while the list stands still. */
  arrived: number;
  /** Show them. */
  catchUp: () => void;
}

/**
 * Keyset pages into the past, and, while live, what a stream tells on top of them. While there is no stream, and where it
 * told that more came than it tells, the newest page is asked for. While `held` the rows stay as they are.
 */
export function useTraceList(
  project: string,
  q: string,
  window: Window,
  live: boolean,
  held: boolean,
  restart: () => void,
): TraceList {
  const pages = useInfiniteQuery(tracesQuery(project, q, window));
  const tail = useTail(project, q, window.end, live && pages.isSuccess);
  const streams = tail.state === "live" || tail.state === "connecting";
  const newest = useQuery(newestQuery(project, q, window.start, live && pages.isSuccess && !streams ? POLL_MS : false));
  const { refetch } = newest;
  useEffect(() => {
    if (tail.skipped > 0 && !held) void refetch();
  }, [tail.skipped, held, refetch]);
  const known = pages.data?.pages ?? NO_PAGES;
  const head = live ? newest.data : undefined;
  const gap = hasGap(head, known);
  useEffect(() => {
    if (!gap || held) return;
    const timer = setTimeout(restart, window.end + ANEW_MS - Date.now());
    return () => clearTimeout(timer);
  }, [gap, held, restart, window.end]);
  const fresh = useMemo(
    () => [...tail.rows.filter((row) => row.started >= window.start), ...(head?.rows ?? [])],
    [tail.rows, head, window.start],
  );
  const merged = useMemo(() => mergeRows(fresh, known), [fresh, known]);
  const asked =
    live && pages.isSuccess && !pages.isPlaceholderData ? `${project} ${window.start} ${window.end} ${q}` : "";
  const still = useStill(asked, held, { rows: merged, fresh, pages: known, skipped: tail.skipped });
  const missed = tail.skipped > 0;
  const { letGo } = still;
  const catchUp = useCallback(() => {
    letGo();
    if (missed) restart();
  }, [letGo, missed, restart]);
  return {
    rows: still.rows,
    error: pages.error ?? newest.error,
    loading: pages.isPending,
    hasMore: pages.hasNextPage,
    loadingMore: pages.isFetchingNextPage,
    loadMore: () => {
      if (pages.hasNextPage && !pages.isFetchingNextPage && !pages.isFetchNextPageError)
        void pages.fetchNextPage({ cancelRefetch: false });
    },
    behindMs: tail.state === "live" ? tail.behindMs : ((head ?? known[0])?.behind_ms ?? 0),
    tail: tail.state,
    arrived: still.arrived,
    catchUp,
  };
}
