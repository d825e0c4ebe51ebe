import { useQuery } from "@tanstack/react-query";
import { Leaf } from "lucide-react";
import { attemptsQuery, MOST_ATTEMPTS } from "@/api/queries";
import type { CostlyCall, SpanRow, TraceDetail } from "@/api/types";
import { formatCo2, formatWh } from "@/lib/energy";
import { formatInt, plural } from "@/lib/format";
import { ProblemNotice } from "@/ui/Notice";
import ui from "@/ui/ui.module.css";
import css from "./callNotes.module.css";

interface Sum {
  wh: [number, number];
  co2: [number, number];
  /** Attempts with an estimate, and those that used tokens and have none. */
  known: number;
  unknown: number;
}

export function energySum(attempts: CostlyCall[]): Sum {
  const sum: Sum = { wh: [0, 0], co2: [0, 0], known: 0, unknown: 0 };
  for (const { energy, tokens } of attempts) {
    if (energy) {
      sum.wh = [sum.wh[0] + energy.wh_low, sum.wh[1] + energy.wh_high];
      sum.co2 = [sum.co2[0] + energy.gco2e_low, sum.co2[1] + energy.gco2e_high];
      sum.known += 1;
    } else if (tokens.total > 0) sum.unknown += 1;
  }
  return sum;
}

/** The electricity of the attempts that made the cost above; only what went through the gateway is in the books. */
export function Energy({ project, trace, spans }: { project: string; trace: TraceDetail; spans: SpanRow[] }) {
  const attempts = useQuery(attemptsQuery(project, trace));
  if (attempts.isError) return <ProblemNotice error={attempts.error} />;
  if (!attempts.data) return null;
  const ids = new Set(spans.map((span) => span.span_id));
  const ours = attempts.data.filter((attempt) => ids.has(attempt.span_id));
  if (ours.length === 0) return null;
  const sum = energySum(ours);
  return (
    <section className={ui.panel} aria-label="Energy" data-testid="energy">
      <div className={css.note}>
        <Leaf size={16} aria-hidden="true" />
        <div className={css.body}>
          {sum.known > 0 ? (
            <div className={`${css.title} num`}>
              {sum.unknown > 0 && "≥ "}
              {formatWh(...sum.wh)}, {formatCo2(...sum.co2)}
            </div>
          ) : (
            <div className={css.title}>Energy unknown</div>
          )}
          <div className="muted">
            {sum.unknown > 0 &&
              `${plural(sum.unknown, "attempt")} of models that nobody has an estimate for, or on a machine of yours: not included. `}
            {sum.known > 0 &&
              "An estimate by EcoLogits' method: the range is what vendors do not tell (active parameters, data centres); it counts output tokens."}
            {attempts.data.length >= MOST_ATTEMPTS &&
              ` Only the newest ${formatInt(MOST_ATTEMPTS)} attempts of the trace were looked at.`}
          </div>
        </div>
      </div>
    </section>
  );
}
