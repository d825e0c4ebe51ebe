import { CircleCheck, CircleDashed, CircleX, SkipForward } from "lucide-react";
import type { DecisionLine, TraceDetail } from "@/api/types";
import { formatMs } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { type Column, DataTable } from "@/ui/DataTable";
import ui from "@/ui/ui.module.css";
import { CallNotes } from "./CallNotes";

const LOOKS: Record<string, { icon: typeof CircleCheck; color: string; label: string }> = {
  chosen: { icon: CircleCheck, color: "var(--good)", label: "chosen" },
  doubted: { icon: CircleX, color: "var(--warn)", label: "doubted" },
  failed: { icon: CircleX, color: "var(--bad)", label: "failed" },
  skipped: { icon: SkipForward, color: "var(--warn)", label: "passed over" },
  not_needed: { icon: CircleDashed, color: "var(--text-3)", label: "not needed" },
};

/** Why this model answered: what the cache, the context policy and limits did, and each candidate as it was considered. */
export function DecisionView({ project, trace }: { project: string; trace: TraceDetail }) {
  return (
    <>
      <CallNotes project={project} trace={trace} />
      {trace.decision.length === 0 ? (
        <p className="muted">
          No route was decided here: the trace was sent by another system, or the call was refused before a target was
          sought.
        </p>
      ) : (
        <Candidates trace={trace} />
      )}
    </>
  );
}

function Candidates({ trace }: { trace: TraceDetail }) {
  return (
    <section className={ui.panel} aria-label="Decision record" data-testid="decision">
      {trace.route && (
        <div style={{ padding: "10px 12px" }}>
          Route <strong>{trace.route}</strong>
          <ol aria-label="Steps of the route" style={{ margin: "4px 0 0", paddingLeft: 20 }}>
            {trace.steps.map((step, i) => (
              <li key={i}>
                <code>{step.node}</code> took <strong>{step.took}</strong>: {step.why}
                {step.value !== null && step.value !== undefined && (
                  <span className="num muted"> ({step.value.toPrecision(3)})</span>
                )}
              </li>
            ))}
          </ol>
        </div>
      )}
      <DataTable
        label="Candidates"
        columns={COLUMNS}
        rows={trace.decision.map((line, i) => ({ line, number: i + 1 }))}
        rowKey={(row) => String(row.number)}
      />
    </section>
  );
}

interface Candidate {
  line: DecisionLine;
  /** Its place in the order in which they were looked at. */
  number: number;
}

const COLUMNS: Column<Candidate>[] = [
  {
    id: "candidate",
    label: "candidate",
    cell: ({ line, number }) => (
      <>
        <span className="num muted">{number}</span> <strong>{line.model}</strong>
        <div className="muted">{line.provider}</div>
      </>
    ),
  },
  { id: "verdict", label: "verdict", cell: ({ line }) => <Verdict line={line} /> },
  {
    id: "reason",
    label: "reason",
    cell: ({ line }) => (
      <>
        {line.reason || <span className="muted">–</span>}
        {line.policy && line.policy !== line.reason && <div>{line.policy}</div>}
        {line.node && <div className="muted mono">{line.node}</div>}
      </>
    ),
  },
  { id: "known", label: "what was known", cell: ({ line }) => <span className="muted">{knownOf(line) || "–"}</span> },
];

function Verdict({ line }: { line: DecisionLine }) {
  const look = LOOKS[line.verdict] ?? { icon: CircleDashed, color: "var(--text-3)", label: line.verdict };
  return (
    <span style={{ display: "inline-flex", gap: 5, alignItems: "center", color: look.color }}>
      <look.icon size={15} aria-hidden="true" />
      {look.label}
    </span>
  );
}

/** The numbers the choice was made by, and what stood in the way. */
function knownOf(line: DecisionLine): string {
  const known = line.known;
  const parts = [
    known?.ewma_ms !== null && known?.ewma_ms !== undefined && `latency ${formatMs(known.ewma_ms)}`,
    known?.in_flight ? `${known.in_flight} under way` : "",
    known?.expected_cost && `about ${formatMoney(known.expected_cost)}`,
    known?.weight !== null && known?.weight !== undefined && `share ${known.weight.toPrecision(2)}`,
    known?.draw !== null && known?.draw !== undefined && `drew ${known.draw.toFixed(3)}`,
    line.breaker && `breaker: ${line.breaker}`,
    line.limit && `limit: ${line.limit}`,
    line.budget && `budget: ${line.budget}`,
  ];
  return parts.filter(Boolean).join(", ");
}
