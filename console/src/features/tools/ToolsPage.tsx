import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { toolsQuery } from "@/api/seen";
import type { ToolRow } from "@/api/types";
import { formatAgo, formatDateTime, formatInt, formatMs, formatPercent } from "@/lib/format";
import { useAnchor } from "@/lib/hooks";
import { resolveRange } from "@/search/range";
import { Empty, Panel } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import css from "../sessions/sessions.module.css";
import { SearchedPage } from "../views/SearchedPage";

const misuse = (row: ToolRow) => row.unreadable + row.invalid + row.unknown;

function misuseTitle(row: ToolRow): string {
  const parts = [
    row.unreadable && `${formatInt(row.unreadable)} with arguments that are no JSON object`,
    row.invalid && `${formatInt(row.invalid)} that break the tool's schema`,
    row.unknown && `${formatInt(row.unknown)} although it was not on offer`,
  ].filter(Boolean);
  return [parts.join(", "), row.problem].filter(Boolean).join("; newest: ");
}

/** "Which tool fails, which is slow, and which do models get wrong?" */
export function ToolsPage() {
  const { project } = useParams({ from: "/inside/p/$project/tools" });
  const search = useSearch({ from: "/inside/p/$project/tools" });
  const navigate = useNavigate({ from: "/p/$project/tools" });
  const { now, tick } = useAnchor(resolveRange(search, 0).moving ? 15_000 : false);
  const range = resolveRange(search, now);
  const q = search.q ?? "";
  const tools = useQuery(toolsQuery(project, q, range.window));
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const columns: Column<ToolRow>[] = [
    { id: "tool", label: "tool", value: (row) => row.tool, cell: (row) => <code>{row.tool}</code> },
    {
      id: "asked",
      label: "asked for",
      align: "right",
      value: (row) => row.asked,
      cell: (row) => <span title={row.models.join(", ")}>{formatInt(row.asked)}</span>,
    },
    {
      id: "misuse",
      label: "misused",
      align: "right",
      value: (row) => (row.asked ? misuse(row) / row.asked : null),
      cell: (row) =>
        misuse(row) ? (
          <span className={css.bad} title={misuseTitle(row)}>
            {formatInt(misuse(row))} ({formatPercent(misuse(row), row.asked)})
          </span>
        ) : (
          <span className="muted">{row.asked ? "0" : "–"}</span>
        ),
    },
    {
      id: "runs",
      label: "ran",
      align: "right",
      value: (row) => row.runs,
      cell: (row) => (row.runs ? formatInt(row.runs) : <span className="muted">not seen</span>),
    },
    {
      id: "failed",
      label: "failed",
      align: "right",
      value: (row) => (row.runs ? row.failed / row.runs : null),
      cell: (row) =>
        row.failed ? (
          <span className={css.bad} title={row.last_error}>
            {formatInt(row.failed)} ({formatPercent(row.failed, row.runs)})
          </span>
        ) : (
          <span className="muted">{row.runs ? "0" : "–"}</span>
        ),
    },
    { id: "p50", label: "p50", align: "right", value: (row) => row.p50, cell: (row) => formatMs(row.p50) },
    { id: "p95", label: "p95", align: "right", value: (row) => row.p95, cell: (row) => formatMs(row.p95) },
    {
      id: "last",
      label: "last",
      align: "right",
      value: (row) => row.last,
      cell: (row) => <span title={formatDateTime(row.last)}>{formatAgo(row.last, now)}</span>,
    },
    {
      id: "example",
      label: "trouble",
      cell: (row) =>
        row.example ? (
          <span>
            <Link to="/p/$project/traces/$traceId" params={{ project, traceId: row.example }}>
              newest
            </Link>{" "}
            <span className="muted">{(row.problem || row.last_error).slice(0, 60)}</span>
          </span>
        ) : null,
    },
  ];
  return (
    <SearchedPage
      project={project}
      page="tools"
      title="Tools"
      lead="What models asked tools to do, and how the tools fared."
      search={search}
      range={range}
      onChange={patch}
      onRefresh={tick}
      asked={tools}
    >
      {tools.data?.items.length === 0 && (
        <Empty title={q ? "No tool matches" : "No tool was used"}>
          <p>
            When a model calls a tool, the call is counted here and checked against the schema you sent with it. Send
            the spans of your tools too (OTLP, or <code>@trace(kind="tool")</code>), and see which are slow and which
            fail.
          </p>
        </Empty>
      )}
      {tools.data && tools.data.items.length > 0 && (
        <Panel>
          <DataTable
            label="Tools"
            columns={columns}
            rows={tools.data.items}
            rowKey={(row) => row.tool}
            sort={search.sort ?? ""}
            onSort={(sort) => patch({ sort })}
          />
        </Panel>
      )}
    </SearchedPage>
  );
}
