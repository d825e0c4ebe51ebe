import { Link } from "@tanstack/react-router";
import type { TraceDetail } from "@/api/types";
import guarded from "@/features/guards/guards.module.css";
import { Told } from "@/features/guards/Told";
import { Verdicts } from "@/features/guards/Verdicts";
import { STAGES, stopper } from "@/features/guards/words";
import { plural } from "@/lib/format";
import { CopyIconButton } from "@/ui/Copy";
import { Notice } from "@/ui/Notice";
import ui from "@/ui/ui.module.css";
import { entrySpan } from "./entry";

interface Props {
  project: string;
  trace: TraceDetail;
}

/** What guards decided about the call: who stopped it first, what the user was told, then every verdict. */
export function GuardsView({ project, trace }: Props) {
  const lines = trace.guards ?? [];
  if (lines.length === 0)
    return (
      <p className="muted">
        No guard looked at this call: none holds for what it called.{" "}
        <Link to="/p/$project/guards" params={{ project }} search={{}}>
          Guards
        </Link>
      </p>
    );
  const by = stopper(lines);
  const entry = entrySpan(trace);
  return (
    <section className={ui.panel} aria-label="Guards" data-testid="guards">
      <Verdicts project={project} lines={lines}>
        <div className={guarded.body} style={{ gap: 8, borderBottom: "1px solid var(--line)" }}>
          <div className={guarded.say} style={{ fontSize: 18 }}>
            {by ? `Stopped by ${by.guard}, at the ${stageWord(by.stage)}` : "No guard stopped it"}
          </div>
          {by && entry && <Told project={project} span={entry} />}
          {entry?.request_id && (
            <div className="muted">
              Reference: <code>{entry.request_id}</code>{" "}
              <CopyIconButton text={entry.request_id} label="Copy the reference" />
            </div>
          )}
          {(trace.held ?? 0) > 0 && (
            <div className="muted">Its stream was held back by at most {plural(trace.held ?? 0, "token")}.</div>
          )}
        </div>
      </Verdicts>
    </section>
  );
}

const stageWord = (stage: string): string => (STAGES as Record<string, { label: string }>)[stage]?.label ?? stage;

/** Above the other views, so that nobody looks for a cause elsewhere. */
export function StoppedNote({ trace, onOpen }: { trace: TraceDetail; onOpen: () => void }) {
  const by = stopper(trace.guards ?? []);
  if (!by) return null;
  return (
    <Notice tone="warn" title={`The guard ${by.guard} stopped this call at the ${stageWord(by.stage)}`}>
      {by.failed || by.reason}{" "}
      <button type="button" className={guarded.link} onClick={onOpen}>
        What was decided
      </button>
    </Notice>
  );
}
