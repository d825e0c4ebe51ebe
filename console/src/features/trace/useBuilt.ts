import { startTransition, useEffect, useMemo, useState } from "react";
import type { TraceDetail } from "@/api/types";
import { atOnce, inSlices } from "@/lib/slices";
import { type SpanTree, treeOf } from "./tree";

/** Up to so many spans a tree is made within a frame. */
const AT_ONCE = 2_000;

export interface Built {
  trace: TraceDetail;
  tree: SpanTree;
}

/** A trace with its tree. Of a large one the tree is made in slices: until then null, or what there was of the same trace. */
export function useBuilt(trace: TraceDetail): Built | null {
  const small = trace.spans.length <= AT_ONCE;
  const tree = useMemo(() => (small ? atOnce(treeOf(trace.spans)) : null), [small, trace.spans]);
  const [last, setLast] = useState<Built | null>(null);
  // Also of a small one, which may be large when it has grown.
  if (tree && last?.trace !== trace) setLast({ trace, tree });
  useEffect(() => {
    if (small) return;
    const gone = new AbortController();
    inSlices(treeOf(trace.spans), gone.signal).then(
      // A transition: the page is drawn in slices, too.
      (made) => startTransition(() => setLast({ trace, tree: made })),
      (error: unknown) => {
        if (gone.signal.aborted) return;
        setLast(() => {
          throw error; // where the page's failures are told
        });
      },
    );
    return () => gone.abort();
  }, [small, trace]);
  if (tree) return { trace, tree };
  return last?.trace.trace_id === trace.trace_id ? last : null;
}
