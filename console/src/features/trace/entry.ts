import type { SpanRow, TraceDetail } from "@/api/types";

/** The span a trace began with: the oldest one whose parent is not part of it. */
export function entrySpan(trace: Pick<TraceDetail, "spans">): SpanRow | undefined {
  const ids = new Set(trace.spans.map((span) => span.span_id));
  let best: SpanRow | undefined;
  for (const span of trace.spans) {
    if (ids.has(span.parent_span_id)) continue;
    if (!best || span.started < best.started) best = span;
  }
  return best ?? trace.spans[0];
}
