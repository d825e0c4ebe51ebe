import { Link } from "@tanstack/react-router";
import type { SpanRow, TraceDetail } from "@/api/types";
import { formatDateTime, formatInt, formatMs } from "@/lib/format";
import { useKeyName } from "@/lib/keyName";
import { setOnly } from "@/search/language";
import { Facts, Panel, Tag } from "@/ui/bits";
import { KindSign } from "@/ui/status";
import { numberOf, tracesOf } from "../apps/links";

interface Props {
  project: string;
  trace: TraceDetail;
  span: SpanRow;
}

/** Everything else that is known of the span. Values that can be asked for lead to the calls that share them. */
export function DetailsView({ project, trace, span }: Props) {
  const keyName = useKeyName(project, [span.key_id]);
  const shared = (key: string, value: string, label = value) =>
    value && (
      <Link to="/p/$project/traces" params={{ project }} search={{ q: setOnly("", key, value) }}>
        {label}
      </Link>
    );
  const tokens = span.tokens;
  return (
    <Panel>
      <div style={{ padding: 16, display: "grid", gap: 18 }}>
        <Facts
          rows={[
            ["Kind", <KindSign key="k" kind={span.kind} label />],
            ["Name", span.name],
            [
              "Started",
              <span key="s" className="num">
                {formatDateTime(span.started, true)}
              </span>,
            ],
            [
              "Duration",
              <span key="d" className="num">
                {formatMs(span.duration)}
              </span>,
            ],
            ["First token", span.ttft !== null && <span className="num">{formatMs(span.ttft)}</span>],
            ["Model asked", shared("model", span.model)],
            ["Model used", span.model_used],
            ["Provider", shared("provider", span.provider)],
            ["Stop reason", span.stop],
            ["HTTP status", span.http_status || ""],
            ["Tokens", tokens.total > 0 && tokenText(span)],
            ["Feature", shared("feature", span.feature)],
            ["User", shared("user", span.user)],
            ["Session", shared("session", span.session)],
            ["Key", shared("key", span.key_id, keyName(span.key_id))],
            ["App", span.app && <AppLinks project={project} span={span} />],
            ["Environment", shared("environment", span.environment)],
            ["Release", span.release && <ReleaseLinks project={project} span={span} />],
            ["Tags", span.tags.length > 0 && span.tags.map((tag) => <Tag key={tag}>{tag}</Tag>)],
          ]}
        />
        <Facts
          rows={[
            ["Trace", <code key="t">{span.trace_id}</code>],
            ["Span", <code key="s">{span.span_id}</code>],
            ["Parent", span.parent_span_id && <code>{span.parent_span_id}</code>],
            ["Request", span.request_id && <code>{span.request_id}</code>],
          ]}
        />
        {Object.keys(trace.metadata).length > 0 && (
          <Facts rows={Object.entries(trace.metadata).map(([key, value]) => [key, <code key={key}>{value}</code>])} />
        )}
      </div>
    </Panel>
  );
}

/** The app's page, and all its calls. */
function AppLinks({ project, span }: { project: string; span: SpanRow }) {
  const calls = (
    <Link to="/p/$project/traces" params={{ project }} search={{ q: tracesOf({ app: span.app }) }}>
      its calls
    </Link>
  );
  // Foreign spans name apps and releases too, and have no page here.
  if (numberOf(span.release) === null) {
    return (
      <Link to="/p/$project/traces" params={{ project }} search={{ q: tracesOf({ app: span.app }) }}>
        {span.app}
      </Link>
    );
  }
  return (
    <>
      <Link to="/p/$project/apps/$app" params={{ project, app: span.app }}>
        {span.app}
      </Link>{" "}
      <span className="muted">({calls})</span>
    </>
  );
}

function ReleaseLinks({ project, span }: { project: string; span: SpanRow }) {
  const calls = { q: tracesOf({ app: span.app, release: span.release }) };
  if (!span.app || numberOf(span.release) === null) {
    return (
      <Link to="/p/$project/traces" params={{ project }} search={{ q: setOnly("", "release", span.release) }}>
        {span.release}
      </Link>
    );
  }
  return (
    <>
      <Link to="/p/$project/apps/$app/releases/$release" params={{ project, app: span.app, release: span.release }}>
        {span.release}
      </Link>{" "}
      <span className="muted">
        (
        <Link to="/p/$project/traces" params={{ project }} search={calls}>
          its calls
        </Link>
        )
      </span>
    </>
  );
}

function tokenText({ tokens }: SpanRow) {
  const parts = [
    `${formatInt(tokens.input)} input`,
    tokens.cache_read > 0 && `${formatInt(tokens.cache_read)} cache read`,
    tokens.cache_write > 0 && `${formatInt(tokens.cache_write)} cache write`,
    `${formatInt(tokens.output)} output`,
    tokens.reasoning > 0 && `${formatInt(tokens.reasoning)} reasoning`,
  ];
  return <span className="num">{`${parts.filter(Boolean).join(", ")}${tokens.estimated ? " (estimated)" : ""}`}</span>;
}
