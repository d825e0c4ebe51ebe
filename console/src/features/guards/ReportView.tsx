import { Skeleton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Action, GuardReport } from "@/api/guards";
import { formatDateTime, formatInt, formatPercent, plural } from "@/lib/format";
import { Empty, Panel } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { Notice } from "@/ui/Notice";
import css from "./guards.module.css";
import { ACTIONS, didWords } from "./words";

type Example = GuardReport["examples"][number];

interface Props {
  project: string;
  report: GuardReport | undefined;
  days: number;
}

/** What it decided, by how many calls; and the newest in which it minded something. */
export function ReportView({ project, report, days }: Props) {
  if (!report) return <Skeleton height={220} />;
  if (report.calls === 0)
    return (
      <Empty
        title={days === 1 ? "It looked at no call of the last day" : `It looked at no call of the last ${days} days`}
      >
        <p>
          It looks at calls of what it holds for, and of releases that list it. Until there are some, try it on a text.
        </p>
      </Empty>
    );
  return (
    <>
      {report.failed > 0 && (
        <Notice tone="warn" title={`It could not tell ${formatInt(report.failed)} times`}>
          Neither counted as harmless nor as found: what then happens is set at “if it cannot look”.{" "}
          <Link to="/p/$project/errors" params={{ project }} search={{ q: "error:guard_failed" }}>
            Why
          </Link>
        </Notice>
      )}
      {report.unread > 0 && (
        <Notice tone="warn" title={`${plural(report.unread, "call")} had something that it cannot read`}>
          Pictures, sound, files that are no text: nobody looked at those.{" "}
          <Link to="/p/$project/traces" params={{ project }} search={{ q: `guard.unread:${report.name}` }}>
            Which
          </Link>
        </Notice>
      )}
      <Counts title="What it did" by={report.enforced} />
      <Counts title="What it would have done, in shadow mode" by={report.would_have} />
      <section className={css.section} aria-label="Calls">
        <h2 className={css.heading}>Calls in which it minded something</h2>
        {report.examples.length === 0 ? (
          <p className="muted">None.</p>
        ) : (
          <Panel>
            <DataTable
              label="Calls"
              columns={columns(project)}
              rows={report.examples}
              rowKey={(row) => row.trace_id + row.request_id}
            />
          </Panel>
        )}
      </section>
    </>
  );
}

function Counts({ title, by }: { title: string; by: Record<string, number> }) {
  const rows = Object.entries(by);
  const all = rows.reduce((sum, [, count]) => sum + count, 0);
  if (all === 0) return null;
  const columns: Column<[string, number]>[] = [
    { id: "action", label: title.toLowerCase(), cell: ([action]) => ACTIONS[action as Action]?.label ?? action },
    { id: "calls", label: "calls", align: "right", cell: ([, count]) => formatInt(count) },
    { id: "share", label: `of ${formatInt(all)}`, align: "right", cell: ([, count]) => formatPercent(count, all) },
  ];
  return (
    <section aria-label={title} style={{ marginTop: 12 }}>
      <Panel>
        <DataTable label={title} columns={columns} rows={rows} rowKey={([action]) => action} />
      </Panel>
    </section>
  );
}

function columns(project: string): Column<Example>[] {
  return [
    {
      id: "started",
      label: "call",
      cell: (row) => (
        <Link
          to="/p/$project/traces/$traceId"
          params={{ project, traceId: row.trace_id }}
          search={{ view: "guards" }}
          style={{ whiteSpace: "nowrap" }}
        >
          {formatDateTime(row.started)}
        </Link>
      ),
    },
    { id: "did", label: "it", cell: (row) => <span style={{ whiteSpace: "nowrap" }}>{didWords(row)}</span> },
    { id: "model", label: "called", cell: (row) => row.model },
    {
      id: "preview",
      label: "began with",
      cell: (row) => <span className={`${css.preview} ellipsis`}>{row.preview || "–"}</span>,
    },
  ];
}
