import { Skeleton } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { overviewQuery } from "@/api/queries";
import { sessionsQuery, userQuery } from "@/api/seen";
import type { GroupRow, SessionRow } from "@/api/types";
import {
  formatCompact,
  formatDateTime,
  formatInt,
  formatListTime,
  formatMs,
  formatPercent,
  plural,
} from "@/lib/format";
import { useAnchor } from "@/lib/hooks";
import { boundedMoney, formatMoney } from "@/lib/money";
import { setOnly } from "@/search/language";
import { RangePicker } from "@/search/RangePicker";
import { rangeOnly, resolveRange } from "@/search/range";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Tile, Tiles } from "@/ui/Tiles";
import costs from "../costs/costs.module.css";
import { bounded } from "../costs/money";
import css from "../sessions/sessions.module.css";

const MODELS: Column<GroupRow>[] = [
  { id: "model", label: "model", cell: (row) => row.group || <span className="muted">not set</span> },
  { id: "calls", label: "calls", align: "right", cell: (row) => formatInt(row.totals.calls) },
  { id: "errors", label: "failed", align: "right", cell: (row) => formatPercent(row.totals.errors, row.totals.calls) },
  {
    id: "cost",
    label: "cost",
    align: "right",
    cell: (row) => bounded(row.totals.cost, row.totals.unpriced, formatMoney),
  },
];

/** "How is it going for this one person?" */
export function UserPage() {
  const { project, user } = useParams({ from: "/inside/p/$project/users/$user" });
  const search = useSearch({ from: "/inside/p/$project/users/$user" });
  const navigate = useNavigate({ from: "/p/$project/users/$user" });
  const { now } = useAnchor(resolveRange(search, 0).moving ? 15_000 : false);
  const range = resolveRange(search, now);
  const q = setOnly("", "user", user);
  const one = useQuery(userQuery(project, user, range.window));
  const sessions = useInfiniteQuery(sessionsQuery(project, q, range.window, "last"));
  const models = useQuery(overviewQuery(project, q, range.window, "model"));
  const row = one.data;
  const columns: Column<SessionRow>[] = [
    {
      id: "session",
      label: "session",
      cell: (each) => (
        <Link to="/p/$project/sessions/$session" params={{ project, session: each.session }} className={css.begins}>
          {each.asked || each.session}
        </Link>
      ),
    },
    { id: "started", label: "begun", align: "right", cell: (each) => formatListTime(each.started, now) },
    { id: "calls", label: "calls", align: "right", cell: (each) => formatInt(each.calls) },
    { id: "errors", label: "failed", align: "right", cell: (each) => formatInt(each.errors) },
    { id: "cost", label: "cost", align: "right", cell: (each) => boundedMoney(each.cost, each.unpriced) },
  ];
  return (
    <Page
      title={user}
      lead="One user's calls, sessions and cost."
      actions={
        <>
          <RangePicker range={range} onChange={(change) => void navigate({ search: change })} />
          <Link to="/p/$project/traces" params={{ project }} search={{ ...rangeOnly(search), q }}>
            Their calls
          </Link>
        </>
      }
    >
      {one.error && <ProblemNotice error={one.error} retry={() => void one.refetch()} />}
      {one.isPending && <Skeleton height={90} mb={16} />}
      {row && !one.error && (
        <Tiles label="Summary" testId="user-summary" across={5}>
          <Tile
            label="Cost"
            foot={row.unpriced > 0 ? `${formatInt(row.unpriced)} without a price` : ""}
            value={boundedMoney(row.cost, row.unpriced)}
          />
          <Tile label="Calls" foot={plural(row.sessions, "session")} value={formatInt(row.calls)} />
          <Tile label="Failed" foot={formatPercent(row.errors, row.calls)} value={formatInt(row.errors)} />
          <Tile label="Tokens" foot={row.features.join(", ")} value={formatCompact(row.tokens)} oneLine />
          <Tile label="p95" foot={`last seen ${formatDateTime(row.last)}`} value={formatMs(row.p95)} />
        </Tiles>
      )}
      {!one.error && (
        <div className={costs.two}>
          <section className={costs.panel} aria-label="Sessions">
            <div className={costs.panelHead}>
              <h2>Sessions</h2>
            </div>
            {sessions.error && <ProblemNotice error={sessions.error} />}
            {sessions.data?.pages[0]?.items.length === 0 && (
              <p className={costs.none}>None of these calls names a session.</p>
            )}
            {sessions.data && (sessions.data.pages[0]?.items.length ?? 0) > 0 && (
              <DataTable
                label="Sessions"
                columns={columns}
                rows={sessions.data.pages[0]?.items ?? []}
                rowKey={(each) => each.session}
              />
            )}
          </section>
          <section className={costs.panel} aria-label="Models">
            <div className={costs.panelHead}>
              <h2>Models</h2>
            </div>
            {models.error && <ProblemNotice error={models.error} />}
            {models.data && (
              <DataTable label="Models" columns={MODELS} rows={models.data.groups} rowKey={(each) => each.group} />
            )}
          </section>
        </div>
      )}
    </Page>
  );
}
