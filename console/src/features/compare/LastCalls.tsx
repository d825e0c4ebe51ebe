import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lastCallsQuery, traceQuery } from "@/api/queries";
import type { SpanRow } from "@/api/types";
import { entrySpan } from "@/features/trace/entry";
import { formatListTime } from "@/lib/format";
import { setOnly } from "@/search/language";
import css from "./compare.module.css";

/**
 * What one trace may be compared with: the last calls to its model, or to any where none is named yet. The problem is
 * that there is no such trace.
 */
export function useLastCalls(project: string, traceId: string | undefined) {
  const trace = useQuery({ ...traceQuery(project, traceId ?? ""), enabled: traceId !== undefined });
  const model = (trace.data && entrySpan(trace.data)?.model) ?? "";
  const q = model ? setOnly("", "model", model) : "";
  const last = useQuery({ ...lastCallsQuery(project, q, 8), enabled: traceId === undefined || !trace.isPending });
  const others = (last.data ?? []).filter((row) => row.trace_id !== traceId);
  return { model, others, problem: trace.error };
}

interface Props {
  project: string;
  rows: readonly SpanRow[];
  /** The two to compare, or the first of them, once this one is chosen. */
  withIt: (traceId: string) => { a: string; b?: string };
}

/** The last calls, each a way to compare it. */
export function LastCalls({ project, rows, withIt }: Props) {
  return (
    <ul className={css.choices}>
      {rows.map((row) => (
        <li key={row.trace_id}>
          <Link to="/p/$project/compare" params={{ project }} search={withIt(row.trace_id)} className={css.choice}>
            <span className="num muted">{formatListTime(row.started, Date.now())}</span>
            <span className="ellipsis" dir="auto">
              {row.input_preview || row.name}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
