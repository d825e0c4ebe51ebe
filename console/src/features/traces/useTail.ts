import { useEffect, useState } from "react";
import { API, inProject, withQuery } from "@/api/client";
import type { SpanRow } from "@/api/types";

/** `polling`: no stream can be had now, so the list asks again and again until one can. */
export type TailState = "off" | "connecting" | "live" | "reconnecting" | "polling";

export interface Tail {
  state: TailState;
  /** What came since the list was read, newest first, each trace once. */
  rows: SpanRow[];
  behindMs: number;
  /** How many were too many to be told one by one, or to be kept; grows. */
  skipped: number;
}

interface Told {
  rows: SpanRow[];
  behind_ms: number;
  skipped: number;
}

const MOST = 2000;
const AGAIN_MS = 30_000;
const NOTHING: Tail = { state: "off", rows: [], behindMs: 0, skipped: 0 };

/** What was told, on top of what is known: the newer copy of a trace wins. How many were too many to be kept counts. */
export function taken(
  known: readonly SpanRow[],
  told: readonly SpanRow[],
  most = MOST,
): { rows: SpanRow[]; cut: number } {
  const fresh = new Set(told.map((row) => row.trace_id));
  const rows = [...told, ...known.filter((row) => !fresh.has(row.trace_id))];
  return { rows: rows.slice(0, most), cut: Math.max(0, rows.length - most) };
}

/**
 * Traces as they come, by server-sent events. A browser reconnects by itself and says what it heard last; where it gives
 * up, or the tab was hidden (a stream holds one of the few connections that all tabs share), this goes on from there.
 */
export function useTail(project: string, q: string, since: number, on: boolean): Tail {
  const [tail, setTail] = useState<Tail>(NOTHING);
  useEffect(() => {
    if (!on) {
      setTail(NOTHING);
      return;
    }
    setTail({ ...NOTHING, state: "connecting" });
    let source: EventSource | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = String(since);
    const state = (next: TailState) => setTail((now) => (now.state === next ? now : { ...now, state: next }));
    const hear = (event: MessageEvent<string>) => {
      last = event.lastEventId || last;
      const told = JSON.parse(event.data) as Told;
      setTail((now) => {
        const { rows, cut } = told.rows.length > 0 ? taken(now.rows, told.rows) : { rows: now.rows, cut: 0 };
        return { state: "live", rows, behindMs: told.behind_ms, skipped: now.skipped + told.skipped + cut };
      });
    };
    const open = () => {
      clearTimeout(timer);
      source?.close();
      source = new EventSource(`${API}${withQuery(inProject(project, "traces", "live"), { q, since: last })}`);
      source.addEventListener("traces", hear);
      source.addEventListener("beat", hear);
      source.addEventListener("away", () => state("reconnecting"));
      source.onerror = () => {
        if (source?.readyState !== EventSource.CLOSED) return state("reconnecting");
        state("polling");
        timer = setTimeout(open, AGAIN_MS);
      };
    };
    const onVisibility = () => {
      if (document.visibilityState === "visible") return open();
      clearTimeout(timer);
      source?.close();
    };
    open();
    document.addEventListener("visibilitychange", onVisibility);
    return () => {
      document.removeEventListener("visibilitychange", onVisibility);
      clearTimeout(timer);
      source?.close();
    };
  }, [project, q, since, on]);
  return tail;
}
