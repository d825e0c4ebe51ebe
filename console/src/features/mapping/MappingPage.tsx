import { Button, Progress, SegmentedControl } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { RefreshCw } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { inProject, post } from "@/api/client";
import { mappingQuery } from "@/api/kept";
import type { LeftView, MappingView, ReaderView, Remapped } from "@/api/types";
import { formatCompact, formatDay, formatInt, plural } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Empty, Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import css from "./mapping.module.css";
import {
  afterPage,
  begun,
  type Changed,
  changesOf,
  keep,
  kept,
  type Rereading,
  stageOf,
  versionName,
  windowOf,
} from "./rereading";

const RANGES = [
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "all", label: "All" },
];

/** "Are the traces of other tools read as they would be today, and how do the others come to be?" */
export function MappingPage() {
  const { project } = useParams({ from: "/inside/p/$project/mapping" });
  const { days = "30" } = useSearch({ from: "/inside/p/$project/mapping" });
  return <Mapping key={`${project} ${days}`} project={project} days={days} />;
}

function Mapping({ project, days }: { project: string; days: string }) {
  const navigate = useNavigate({ from: "/p/$project/mapping" });
  const [going, setGoing] = useState<Rereading | null>(() => kept(project));
  const [window] = useState(() => windowOf(days, Date.now()));
  const { start, end } = going ?? window;
  const mapping = useQuery(mappingQuery(project, { start, end }, going !== null));
  const change = useCallback(
    (next: Rereading | null) => {
      keep(project, next);
      setGoing(next);
    },
    [project],
  );
  return (
    <Page
      title="Reading of traces"
      lead="Spans that other tools sent are kept as they came. After an update that reads them better, older ones can be read again."
    >
      <Pending of={mapping} height={200} />
      {mapping.data && (
        <>
          <Panel>
            <div className={css.head}>
              <div>
                <div className={css.answer}>{answerOf(mapping.data)}</div>
                <div className="muted">
                  {formatDay(start)} to {formatDay(end)}
                </div>
                {going === null && <div role="status">{elsewhereOf(mapping.data)}</div>}
              </div>
              <div className={css.tools}>
                <SegmentedControl
                  size="xs"
                  aria-label="How far back"
                  data={RANGES}
                  value={days}
                  disabled={going !== null}
                  onChange={(wanted) => void navigate({ search: (was) => ({ ...was, days: wanted }) })}
                />
                <WriteButton
                  needs="project:write"
                  size="sm"
                  leftSection={<RefreshCw size={14} />}
                  why={
                    going !== null
                      ? "It was begun: see below."
                      : mapping.data.stale === 0
                        ? "Nothing would be read otherwise."
                        : undefined
                  }
                  onClick={() => change(begun(mapping.data))}
                >
                  Read them again
                </WriteButton>
              </div>
            </div>
          </Panel>
          {going && <Going project={project} going={going} mapping={mapping.data} onChange={change} />}
          <Readers readers={mapping.data.readers} />
          <Left project={project} left={mapping.data.left} />
        </>
      )}
    </Page>
  );
}

function answerOf({ stale, readers }: MappingView): string {
  if (readers.length === 0) return "No other tool has sent a span";
  if (stale === 0) return "Everything is read as it would be today";
  return `${plural(stale, "trace")} would be read otherwise today`;
}

/** What somebody else began, or this person in another tab, or by the command line. */
function elsewhereOf({ stale, waiting }: MappingView): string {
  if (stale === 0 || waiting === null || waiting === 0) return "";
  return `${plural(waiting, "trace")} of this project ${waiting === 1 ? "is" : "are"} noted to be read again already.`;
}

/** How far it is, what it changed, and what stays as it was. */
function Going({
  project,
  going,
  mapping,
  onChange,
}: {
  project: string;
  going: Rereading;
  mapping: MappingView;
  onChange: (next: Rereading | null) => void;
}) {
  const queries = useQueryClient();
  const stage = stageOf(going, mapping, Date.now());
  const note = useMutation({
    mutationFn: ({ start, end, cursor }: Rereading) =>
      post<Remapped>(inProject(project, "remap"), { start, end, everything: false, cursor }),
  });
  const { mutate, isPending, isError } = note;
  // Told with the call and not beside it: what is answered when this is gone, for somebody stopped it, begins nothing.
  const noteNext = useCallback(
    () => mutate(going, { onSuccess: (page) => onChange(afterPage(going, page, Date.now())) }),
    [mutate, going, onChange],
  );
  useEffect(() => {
    if (stage === "noting" && !isPending && !isError) noteNext();
  }, [stage, isPending, isError, noteNext]);
  useEffect(() => {
    if ((mapping.waiting ?? 0) > 0 && !going.seenWaiting) onChange({ ...going, seenWaiting: true });
  }, [mapping.waiting, going, onChange]);
  const over = stage === "done" || stage === "stopped";
  const done = Math.max(0, going.stale - mapping.stale);
  const close = async () => {
    onChange(null);
    await queries.invalidateQueries({ queryKey: ["mapping", project] });
  };
  return (
    <section className={css.section} aria-label="Reading again">
      <Panel>
        <div className={css.going}>
          <div role="status">
            {stage === "noting" && `${plural(going.noted, "trace")} noted so far.`}
            {stage === "making" && `${formatInt(done)} of ${plural(going.stale, "trace")} read again.`}
            {stage === "done" && `${plural(going.stale, "trace")} read again: all of them.`}
            {stage === "stopped" &&
              `${formatInt(done)} of ${plural(going.stale, "trace")} read again; ${formatInt(mapping.stale)} stayed as they were.`}
          </div>
          <Progress
            aria-label="Traces read again"
            value={over ? 100 : going.stale === 0 ? 0 : (100 * done) / going.stale}
            animated={!over}
          />
          {isError && <ProblemNotice error={note.error} retry={noteNext} />}
          {stage === "making" && mapping.waiting === null && (
            <Notice tone="warn">How many still wait cannot be told from here.</Notice>
          )}
          {over && <Changes changes={changesOf(going.before, mapping.comes_to, formatMoney)} />}
          <div className={css.tools}>
            <Button variant="default" size="xs" onClick={() => void close()}>
              {over ? "Close" : stage === "noting" ? "Stop here" : "Hide"}
            </Button>
            {!over && <span className="muted">What is noted is read again in any case, also when you leave.</span>}
          </div>
        </div>
      </Panel>
    </section>
  );
}

function Changes({ changes }: { changes: Changed[] }) {
  const columns: Column<Changed>[] = [
    { id: "what", label: "what changed", cell: (row) => row.what },
    { id: "before", label: "before", align: "right", cell: (row) => row.before },
    { id: "after", label: "now", align: "right", cell: (row) => row.after },
  ];
  if (changes.length === 0) return <p className="muted">All sums of this time are as they were before.</p>;
  return <DataTable label="What changed" columns={columns} rows={changes} rowKey={(row) => row.what} />;
}

function Readers({ readers }: { readers: ReaderView[] }) {
  const columns: Column<ReaderView>[] = [
    { id: "convention", label: "convention", cell: (row) => <code>{row.convention}</code> },
    { id: "version", label: "read by version", cell: (row) => versionName(row.version) },
    {
      id: "current",
      label: "today",
      cell: (row) => (row.current === null ? "not there any more" : versionName(row.current)),
    },
    { id: "stale", label: "", cell: (row) => (row.stale ? <Tag tone="warn">older</Tag> : <Tag>as today</Tag>) },
    { id: "spans", label: "spans", align: "right", cell: (row) => formatInt(row.spans) },
    { id: "traces", label: "traces", align: "right", cell: (row) => formatInt(row.traces) },
  ];
  if (readers.length === 0)
    return (
      <Empty title="No spans of other tools in this time">
        <p>
          What your applications send by OpenTelemetry, or with another tool's client, is told here by its convention.
        </p>
      </Empty>
    );
  return (
    <section className={css.section}>
      <h2>Who has read what</h2>
      <Panel>
        <DataTable
          label="Who has read what"
          columns={columns}
          rows={readers}
          rowKey={(row) => `${row.convention} ${row.version}`}
        />
      </Panel>
    </section>
  );
}

function Left({ project, left }: { project: string; left: LeftView[] }) {
  const columns: Column<LeftView>[] = [
    {
      id: "trace",
      label: "trace",
      cell: (row) => (
        <Link to="/p/$project/traces/$traceId" params={{ project, traceId: row.trace_id }}>
          <code>{row.trace_id}</code>
        </Link>
      ),
    },
    { id: "spans", label: "spans", align: "right", cell: (row) => formatInt(row.spans) },
    { id: "bytes", label: "bytes", align: "right", cell: (row) => formatCompact(row.bytes) },
  ];
  if (left.length === 0) return null;
  return (
    <section className={css.section}>
      <h2>What stays as it was read</h2>
      <Notice tone="warn">More came of these than is read at once: 50,000 spans or 256 MB of a trace.</Notice>
      <Panel>
        <DataTable label="What stays as it was read" columns={columns} rows={left} rowKey={(row) => row.trace_id} />
      </Panel>
    </section>
  );
}
