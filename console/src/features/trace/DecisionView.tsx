import { CircleCheck, CircleDashed, CircleX, SkipForward } from "lucide-react";
import type { DecisionLine, TraceDetail } from "@/api/types";
import ui from "@/ui/ui.module.css";

const LOOKS: Record<string, { icon: typeof CircleCheck; color: string; label: string }> = {
  chosen: { icon: CircleCheck, color: "var(--good)", label: "chosen" },
  failed: { icon: CircleX, color: "var(--bad)", label: "failed" },
  skipped: { icon: SkipForward, color: "var(--warn)", label: "passed over" },
  not_needed: { icon: CircleDashed, color: "var(--text-3)", label: "not needed" },
};

/** Why this model answered: each candidate, in the order it was considered. */
export function DecisionView({ trace }: { trace: TraceDetail }) {
  if (trace.decision.length === 0) {
    return (
      <p className="muted">
        No route was decided here: the trace was sent by another system, or the call was refused before a target was
        sought.
      </p>
    );
  }
  return (
    <section className={ui.panel} aria-label="Decision record" data-testid="decision">
      <div className={ui.scrollX}>
        <table className={ui.table}>
          <thead>
            <tr>
              <th scope="col">#</th>
              <th scope="col">candidate</th>
              <th scope="col">verdict</th>
              <th scope="col">reason</th>
            </tr>
          </thead>
          <tbody>
            {trace.decision.map((line, i) => (
              <Line key={i} line={line} index={i} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Line({ line, index }: { line: DecisionLine; index: number }) {
  const look = LOOKS[line.verdict] ?? { icon: CircleDashed, color: "var(--text-3)", label: line.verdict };
  return (
    <tr>
      <td className="num muted">{index + 1}</td>
      <td>
        <strong>{line.model}</strong>
        <div className="muted">{line.provider}</div>
      </td>
      <td>
        <span style={{ display: "inline-flex", gap: 5, alignItems: "center", color: look.color, whiteSpace: "nowrap" }}>
          <look.icon size={15} aria-hidden="true" />
          {look.label}
        </span>
      </td>
      <td style={{ overflowWrap: "anywhere" }}>{line.reason || <span className="muted">–</span>}</td>
    </tr>
  );
}
