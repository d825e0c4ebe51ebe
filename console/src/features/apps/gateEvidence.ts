/** What an ended experiment left at a gate: the detail of its verdict, as JSON. */

import type { SuiteEvidence } from "@/api/evaluationTypes";
import type { GateView } from "@/api/releaseTypes";

/** Null for a verdict of anybody else, and for what is no such JSON. */
export function evidenceOf(verdict: Pick<GateView, "source" | "detail">): SuiteEvidence | null {
  if (!verdict.source.startsWith("evaluation:")) return null;
  try {
    const found = JSON.parse(verdict.detail) as Partial<SuiteEvidence>;
    return typeof found.experiment === "string" && typeof found.says === "string"
      ? ({ refused: "", ...found } as SuiteEvidence)
      : null;
  } catch {
    return null;
  }
}
