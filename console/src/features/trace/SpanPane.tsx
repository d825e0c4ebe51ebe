import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import type { SpanRow, TraceDetail } from "@/api/types";
import { plural } from "@/lib/format";
import { Notice } from "@/ui/Notice";
import { Conversation } from "./Conversation";
import { CostView } from "./CostView";
import { DecisionView } from "./DecisionView";
import { DetailsView } from "./DetailsView";
import { GuardsView, StoppedNote } from "./GuardsView";
import { RawView } from "./RawView";
import { Findings, ScoresView } from "./ScoresView";
import css from "./trace.module.css";

interface Props {
  project: string;
  trace: TraceDetail;
  span: SpanRow;
  view: string | undefined;
  onView: (view: string) => void;
}

interface View {
  id: string;
  label: string;
  render: (props: Props) => ReactNode;
}

const VIEWS: View[] = [
  { id: "conversation", label: "Conversation", render: (p) => <Conversation {...p} /> },
  { id: "cost", label: "Cost", render: (p) => <CostView project={p.project} trace={p.trace} span={p.span} /> },
  { id: "decision", label: "Decision", render: (p) => <DecisionView project={p.project} trace={p.trace} /> },
  { id: "guards", label: "Guards", render: (p) => <GuardsView project={p.project} trace={p.trace} /> },
  { id: "scores", label: "Scores", render: (p) => <ScoresView project={p.project} trace={p.trace} span={p.span} /> },
  { id: "details", label: "Details", render: (p) => <DetailsView project={p.project} trace={p.trace} span={p.span} /> },
  { id: "raw", label: "Raw", render: (p) => <RawView project={p.project} span={p.span} /> },
];

/** Views of the one span that is selected. */
export function SpanPane(props: Props) {
  const { span, trace, view, onView } = props;
  const tabs = useRef<HTMLDivElement>(null);
  const current = VIEWS.find((v) => v.id === view) ?? (VIEWS[0] as View);
  // On a phone the row scrolls: what is open is in sight.
  useEffect(() => {
    tabs.current?.querySelector(`#tab-${current.id}`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current.id]);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const next = VIEWS[(VIEWS.indexOf(current) + step + VIEWS.length) % VIEWS.length] as View;
    onView(next.id);
    tabs.current?.querySelector<HTMLElement>(`#tab-${next.id}`)?.focus();
  };
  return (
    <section className={css.pane} aria-label="The selected span">
      <div className={css.tabs} role="tablist" aria-label="Views" ref={tabs} onKeyDown={onKeyDown}>
        {VIEWS.map((v) => (
          <button
            key={v.id}
            id={`tab-${v.id}`}
            type="button"
            role="tab"
            className={css.tab}
            aria-selected={v === current}
            aria-controls="span-view"
            tabIndex={v === current ? 0 : -1}
            onClick={() => onView(v.id)}
          >
            {v.label}
            {v.id === "decision" && trace.decision.length > 1 && (
              <span className="num muted"> {trace.decision.length}</span>
            )}
            {v.id === "guards" && trace.guards && trace.guards.length > 0 && (
              <span className="num muted"> {trace.guards.length}</span>
            )}
            {v.id === "scores" && trace.scores && trace.scores.length > 0 && (
              <span className="num muted"> {trace.scores.length}</span>
            )}
          </button>
        ))}
      </div>
      <div className={css.paneBody} role="tabpanel" id="span-view" aria-labelledby={`tab-${current.id}`} tabIndex={0}>
        <div className={css.inner}>
          {span.status === "error" && current.id !== "raw" && <SpanError span={span} />}
          {current.id !== "guards" && <StoppedNote trace={trace} onOpen={() => onView("guards")} />}
          {current.id !== "scores" && <Findings trace={trace} span={span} onOpen={() => onView("scores")} />}
          {current.render(props)}
        </div>
      </div>
    </section>
  );
}

function SpanError({ span }: { span: SpanRow }) {
  const where = [
    span.error_code,
    span.http_status ? `HTTP ${span.http_status}` : "",
    span.provider && `at ${span.provider}`,
  ];
  return (
    <Notice title={span.error_message || "It failed without a message."}>
      <span className="mono muted">{where.filter(Boolean).join(" · ")}</span>
      {span.attempts > 1 && <div>{plural(span.attempts, "attempt")} were made; the decision view has each reason.</div>}
    </Notice>
  );
}
