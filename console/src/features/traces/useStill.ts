import { useCallback, useMemo, useState } from "react";
import type { SpanRow, TracePage } from "@/api/types";
import { standing } from "./merge";

interface Still {
  of: string;
  rows: SpanRow[];
  skipped: number;
}

interface Told {
  /** The list as it would be. */
  rows: SpanRow[];
  /** What came on top of the pages. */
  fresh: readonly SpanRow[];
  pages: readonly TracePage[];
  skipped: number;
}

/**
 * The list as it was when `held` began, for as long as it is, and how many came meanwhile. At hundreds of calls a second
 * the rows that somebody read were pushed out, and then out of what a page keeps, within seconds. `of` names what is
 * asked for; "" while that is not known yet.
 */
export function useStill(of: string, held: boolean, told: Told) {
  const [still, setStill] = useState<Still | null>(null);
  const stands = held && of !== "";
  if (still && (!stands || still.of !== of)) setStill(null);
  else if (!still && stands) setStill({ of, rows: told.rows, skipped: told.skipped });
  const kept = stands && still?.of === of ? still : null;
  const { rows, fresh, pages, skipped } = told;
  const shown = useMemo(() => (kept ? standing(kept.rows, rows, pages) : rows), [kept, rows, pages]);
  const arrived = useMemo(() => {
    if (!kept) return 0;
    const known = new Set(kept.rows.map((row) => row.trace_id));
    const came = new Set(fresh.flatMap((row) => (known.has(row.trace_id) ? [] : [row.trace_id])));
    return came.size + skipped - kept.skipped;
  }, [kept, fresh, skipped]);
  const letGo = useCallback(() => setStill(null), []);
  return { rows: shown, arrived, letGo };
}
