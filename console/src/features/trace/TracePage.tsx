import { Button, Menu, SegmentedControl, Skeleton, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useRouter, useSearch } from "@tanstack/react-router";
import { ArrowLeft, Copy, MessagesSquare } from "lucide-react";
import { useMemo } from "react";
import { isOnItsWay, traceQuery } from "@/api/queries";
import type { SpanRow, TraceDetail } from "@/api/types";
import { formatDateTime } from "@/lib/format";
import { useIsNarrow, useShortcuts } from "@/lib/hooks";
import { Tag } from "@/ui/bits";
import { CopyIconButton } from "@/ui/Copy";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { useTitle } from "@/ui/Page";
import ui from "@/ui/ui.module.css";
import { CompareButton } from "../compare/CompareButton";
import { CurlButton } from "./CurlButton";
import { GraphView } from "./GraphView";
import { KeepButton } from "./KeepButton";
import { PlaygroundButton } from "./PlaygroundButton";
import { SpanList } from "./SpanList";
import { SpanPane } from "./SpanPane";
import { flagged } from "./scores";
import css from "./trace.module.css";
import { firstSelection } from "./tree";
import { type Built, useBuilt } from "./useBuilt";
import { Verdict } from "./Verdict";

/** "What happened in this call, and what did it cost?" */
export function TracePage() {
  const { project, traceId } = useParams({ from: "/inside/p/$project/traces/$traceId" });
  useTitle(`Trace ${traceId.slice(0, 8)}`);
  const trace = useQuery(traceQuery(project, traceId));
  if (trace.isError) {
    return (
      <div className={ui.page} style={{ maxWidth: 720 }}>
        <ProblemNotice error={trace.error} retry={() => void trace.refetch()} />
      </div>
    );
  }
  if (!trace.data) {
    if (isOnItsWay(traceId, trace.failureReason)) return <OnItsWay />;
    return <Coming />;
  }
  return <Loaded project={project} trace={trace.data} />;
}

function Coming() {
  return (
    <div className={ui.page} aria-busy="true">
      <Skeleton height={90} mb={16} />
      <Skeleton height={420} />
    </div>
  );
}

function OnItsWay() {
  return (
    <div className={ui.page} style={{ maxWidth: 720 }}>
      <Notice tone="warn" title="Received, indexing">
        This call is safe on disk and on its way to the store. It opens here by itself.
      </Notice>
    </div>
  );
}

function Loaded({ project, trace }: { project: string; trace: TraceDetail }) {
  const built = useBuilt(trace);
  return built ? <Shown project={project} {...built} /> : <Coming />;
}

function Shown({ project, trace, tree }: { project: string } & Built) {
  const search = useSearch({ from: "/inside/p/$project/traces/$traceId" });
  const navigate = useNavigate({ from: "/p/$project/traces/$traceId" });
  const narrow = useIsNarrow(900);
  const selected = (search.span && tree.byId.get(search.span)) ?? firstSelection(tree);
  const span = tree.spans[selected || 0];
  const timeline = search.nav === "timeline";
  const graph = search.nav === "graph";
  const flags = useMemo(() => flagged(trace.scores ?? []), [trace.scores]);
  const patch = (change: Partial<typeof search>, replace = false) =>
    void navigate({ search: (prev) => ({ ...prev, ...change }), replace });
  const switcher = (
    <SegmentedControl
      size="xs"
      aria-label="Show spans as"
      data={[
        { value: "tree", label: "Tree" },
        { value: "timeline", label: "Timeline" },
        { value: "graph", label: "Graph" },
      ]}
      value={graph ? "graph" : timeline ? "timeline" : "tree"}
      onChange={(value) => patch({ nav: value === "tree" ? undefined : value })}
    />
  );
  const back = useBack(project);
  useShortcuts({ Escape: back });
  if (!span) return <p className={ui.page}>This trace has no spans.</p>;
  const navHeight = graph
    ? "min(46dvh, 420px)"
    : `${Math.min(300, 76 + Math.min(tree.spans.length, 6) * 30 + (timeline ? 22 : 0))}px`;
  return (
    <div className={css.page}>
      <Head project={project} trace={trace} selected={span} onBack={back} />
      <div className={css.body} data-nav={timeline || graph ? "timeline" : "tree"}>
        <nav className={css.navPane} aria-label="Spans" style={narrow ? { height: navHeight } : undefined}>
          {graph ? (
            <>
              <div className={css.navHead}>{switcher}</div>
              <GraphView
                project={project}
                traceId={trace.trace_id}
                selected={span.span_id}
                onSelect={(id) => patch({ span: id }, true)}
              />
            </>
          ) : (
            <SpanList
              key={trace.trace_id}
              tree={tree}
              selected={selected || 0}
              timeline={timeline}
              switcher={switcher}
              flags={flags}
              onSelect={(index) => patch({ span: tree.spans[index]?.span_id }, true)}
            />
          )}
        </nav>
        <SpanPane
          project={project}
          trace={trace}
          span={span}
          view={search.view}
          onView={(view) => patch({ view: view === "conversation" ? undefined : view })}
        />
      </div>
    </div>
  );
}

/** Back to the list as it was, or, from a link somebody sent, to the list. */
function useBack(project: string): () => void {
  const router = useRouter();
  return () => {
    if (router.history.canGoBack()) router.history.back();
    else void router.navigate({ to: "/p/$project/traces", params: { project } });
  };
}

interface HeadProps {
  project: string;
  trace: TraceDetail;
  selected: SpanRow;
  onBack: () => void;
}

function Head({ project, trace, selected, onBack }: HeadProps) {
  const entry = trace.spans.find((span) => span.request_id !== "");
  return (
    <header className={css.head}>
      <div className={css.crumbs}>
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          px={6}
          onClick={onBack}
          leftSection={<ArrowLeft size={14} />}
        >
          Traces
        </Button>
        <h1 className="ellipsis">
          <span className="sr-only">Trace </span>
          <span className="mono">{trace.trace_id.slice(0, 12)}…</span>
        </h1>
        <CopyIconButton text={trace.trace_id} label="Copy the trace id" />
        <span className={`num muted ellipsis ${css.when}`}>{formatDateTime(trace.started, true)}</span>
        {typeof trace.updating === "number" && <Updating from={trace.updating} />}
        <span className={css.crumbTools}>
          <PlaygroundButton project={project} span={selected} />
          <KeepButton project={project} span={selected} />
          <CurlButton project={project} trace={trace} />
          {entry?.session && (
            <Button
              component={Link}
              to="/p/$project/sessions/$session"
              params={{ project, session: entry.session } as never}
              variant="default"
              aria-label="Session"
              className={css.shrinks}
              leftSection={<MessagesSquare size={13} />}
            >
              Session
            </Button>
          )}
          <CompareButton project={project} traceId={trace.trace_id} />
          <Menu position="bottom-end">
            <Menu.Target>
              <Button variant="default" leftSection={<Copy size={13} />}>
                Ids
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <IdItem label="Trace id" id={trace.trace_id} />
              {entry && <IdItem label="Request id" id={entry.request_id} />}
              {entry?.session && <IdItem label="Session" id={entry.session} />}
              <IdItem label="Link" id={window.location.href} />
            </Menu.Dropdown>
          </Menu>
        </span>
      </div>
      <Verdict trace={trace} />
    </header>
  );
}

/** More came of the trace than its rows have: late spans, or spans whose root is not there yet. */
function Updating({ from }: { from: number }) {
  return (
    <Tooltip
      multiline
      w={300}
      events={{ hover: true, focus: true, touch: true }}
      label={`More of this trace came than is shown: a span was late, in parts, or before its root. From ${formatDateTime(from)} on it is made anew and shown here by itself; spans may be missing meanwhile.`}
    >
      <span role="status" tabIndex={0}>
        <Tag tone="warn">being updated</Tag>
      </span>
    </Tooltip>
  );
}

function IdItem({ label, id }: { label: string; id: string }) {
  return (
    <div style={{ display: "flex", alignItems: "center", gap: 10, padding: "4px 8px" }}>
      <span className="muted" style={{ width: 74 }}>
        {label}
      </span>
      <code className="ellipsis" style={{ maxWidth: 220 }}>
        {id}
      </code>
      <CopyIconButton text={id} label={`Copy: ${label}`} />
    </div>
  );
}
