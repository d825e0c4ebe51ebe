import { Skeleton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { GroupBy, GroupRow, Overview } from "@/api/types";
import { formatCompact, formatInt, formatMs, formatPercent, plural } from "@/lib/format";
import { useKeyName } from "@/lib/keyName";
import { exactUsd, formatMoney } from "@/lib/money";
import { setOnly } from "@/search/language";
import type { RangeSearch } from "@/search/range";
import { type Column, DataTable } from "@/ui/DataTable";
import css from "./overview.module.css";
import { noPrice } from "./Tiles";

interface Props {
  overview: Overview | undefined;
  by: GroupBy;
  project: string;
  q: string;
  range: RangeSearch;
  sort: string;
  onSort: (sort: string) => void;
}

type LinkTo = (q: string, text: string) => React.ReactNode;

interface ColumnInput {
  by: GroupBy;
  q: string;
  max: number;
  all: number;
  link: LinkTo;
  keyName: (id: string) => string;
}

function columnsOf({ by, q, max, all, link, keyName }: ColumnInput): Column<GroupRow>[] {
  const only = (row: GroupRow) => (row.group === "" ? q : setOnly(q, by, row.group));
  return [
    {
      id: "group",
      label: by,
      value: (r) => r.group || null,
      cell: (r) =>
        r.group === "" ? (
          <span className="muted">not set</span>
        ) : (
          link(only(r), by === "key" ? keyName(r.group) : r.group)
        ),
    },
    {
      id: "calls",
      label: "calls",
      align: "right",
      value: (r) => r.totals.calls,
      cell: (r) => (
        <span
          className={css.share}
          title={`${formatInt(r.totals.calls)} calls, ${formatPercent(r.totals.calls, all)} of all`}
        >
          <span className={css.shareBar} aria-hidden="true">
            <span style={{ width: `${(100 * r.totals.calls) / Math.max(1, max)}%` }} />
          </span>
          {formatInt(r.totals.calls)}
        </span>
      ),
    },
    {
      id: "errors",
      label: "errors",
      align: "right",
      value: (r) => r.totals.errors,
      cell: (r) =>
        r.totals.errors === 0 ? (
          <span className="muted">0</span>
        ) : (
          link(setOnly(only(r), "status", "error"), formatInt(r.totals.errors))
        ),
    },
    {
      id: "rate",
      label: "error rate",
      align: "right",
      value: (r) => (r.totals.calls ? r.totals.errors / r.totals.calls : null),
      cell: (r) => formatPercent(r.totals.errors, r.totals.calls),
    },
    { id: "p50", label: "p50", align: "right", value: (r) => r.totals.p50, cell: (r) => formatMs(r.totals.p50) },
    { id: "p95", label: "p95", align: "right", value: (r) => r.totals.p95, cell: (r) => formatMs(r.totals.p95) },
    {
      id: "ttft",
      label: "first token p50",
      align: "right",
      value: (r) => r.totals.ttft_p50,
      cell: (r) => formatMs(r.totals.ttft_p50),
    },
    {
      id: "tokens",
      label: "tokens",
      align: "right",
      value: (r) => r.totals.tokens.total,
      cell: (r) => <span title={formatInt(r.totals.tokens.total)}>{formatCompact(r.totals.tokens.total)}</span>,
    },
    {
      id: "cost",
      label: "cost",
      align: "right",
      value: (r) => Number(r.totals.cost),
      cell: (r) => (
        <span
          title={
            r.totals.unpriced
              ? `A lower bound: ${formatInt(r.totals.unpriced)} without a price`
              : exactUsd(r.totals.cost)
          }
        >
          {noPrice(r.totals) ? (
            <span className="muted">no price</span>
          ) : (
            (r.totals.unpriced > 0 ? "≥ " : "") + formatMoney(r.totals.cost)
          )}
        </span>
      ),
    },
  ];
}

export function Breakdown({ overview, by, project, q, range, sort, onSort }: Props) {
  const keyName = useKeyName(project, by === "key" ? (overview?.groups ?? []).map((row) => row.group) : []);
  if (!overview) return <Skeleton height={160} radius={0} />;
  const link: LinkTo = (query, text) => (
    <Link to="/p/$project/traces" params={{ project }} search={{ ...range, q: query || undefined }}>
      {text}
    </Link>
  );
  const max = Math.max(...overview.groups.map((g) => g.totals.calls), 0);
  if (overview.groups.length === 0)
    return (
      <p style={{ padding: 16 }} className="muted">
        No calls in this range match the search.
      </p>
    );
  const rest = overview.totals.calls - overview.groups.reduce((sum, row) => sum + row.totals.calls, 0);
  return (
    <>
      <DataTable
        label={`Calls by ${by}`}
        columns={columnsOf({ by, q, max, all: overview.totals.calls, link, keyName })}
        rows={overview.groups}
        rowKey={(row) => row.group}
        sort={sort}
        onSort={onSort}
      />
      {rest > 0 && (
        <p className="muted" style={{ padding: "10px 16px" }}>
          {plural(rest, "call")} more, of those with fewer calls.{" "}
          <Link to="/p/$project/costs" params={{ project }} search={{ ...range, q: q || undefined, by }}>
            All of them, by cost
          </Link>
        </p>
      )}
    </>
  );
}
