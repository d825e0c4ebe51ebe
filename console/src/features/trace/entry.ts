import type { SpanRow, TraceDetail } from "@/api/types";

const known = new WeakMap<readonly SpanRow[], SpanRow | undefined>();

/** The span a trace began with: the oldest one whose parent is not part of it. Looked for once in each list of spans. */
export function entrySpan({ spans }: Pick<TraceDetail, "spans">): SpanRow | undefined {
  if (!known.has(spans)) known.set(spans, oldestTop(spans));
  return known.get(spans);
}

function oldestTop(spans: readonly SpanRow[]): SpanRow | undefined {
  const ids = new Set(spans.map((span) => span.span_id));
  let best: SpanRow | undefined;
  for (const span of spans) {
    if (ids.has(span.parent_span_id)) continue;
    if (!best || span.started < best.started) best = span;
  }
  return best ?? spans[0];
}
