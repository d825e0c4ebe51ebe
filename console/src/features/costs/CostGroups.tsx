import { Link } from "@tanstack/react-router";
import type { CostGroup, CostReport, CostRow } from "@/api/types";
import { formatChange, formatCompact, formatInt, formatPercent } from "@/lib/format";
import { useKeyName } from "@/lib/keyName";
import type { RangeSearch } from "@/search/range";
import { type Column, DataTable } from "@/ui/DataTable";
import { callsOf, dayWindow, isDigest } from "./calls";
import css from "./costs.module.css";
import { bounded, moneyOf } from "./money";

interface Props {
  report: CostReport;
  by: CostGroup;
  project: string;
  q: string;
  range: RangeSearch;
  sort: string;
  onSort: (sort: string) => void;
  /** Look only at this group. */
  onOnly: (value: string) => void;
}

export function CostGroups({ report, by, project, q, range, sort, onSort, onOnly }: Props) {
  const keyName = useKeyName(project, by === "key" ? report.groups.map((row) => row.group) : []);
  const money = moneyOf(report);
  const whole = Number(report.totals.cost);
  const most = Math.max(...report.groups.map((row) => Number(row.totals.cost)), 0);
  const nameOf = (row: CostRow) => (by === "key" ? keyName(row.group) : row.label || row.group);
  const columns: Column<CostRow>[] = [
    {
      id: "group",
      label: by,
      value: nameOf,
      cell: (row) =>
        row.group === "" ? (
          <span className="muted">not set</span>
        ) : by === "day" ? (
          row.group
        ) : (
          <>
            <button type="button" className={css.only} onClick={() => onOnly(row.group)} title={`Only ${row.group}`}>
              {nameOf(row)}
            </button>
            {by === "prompt" && row.label && !isDigest(row.group) && <span className="muted"> {row.group}</span>}
          </>
        ),
    },
    {
      id: "cost",
      label: "cost",
      align: "right",
      value: (row) => Number(row.totals.cost),
      cell: (row) => (
        <span className={css.share} title={`$${row.totals.cost}`}>
          <span className={css.shareBar} aria-hidden="true">
            <span style={{ width: `${most ? (100 * Number(row.totals.cost)) / most : 0}%` }} />
          </span>
          <span className={css.amount}>{bounded(row.totals.cost, row.totals.unpriced, money)}</span>
        </span>
      ),
    },
    {
      id: "share",
      label: "share",
      align: "right",
      value: (row) => Number(row.totals.cost),
      cell: (row) => formatPercent(Number(row.totals.cost), whole),
    },
    {
      id: "change",
      label: "against before",
      align: "right",
      value: (row) => Number(row.totals.cost) - Number(row.previous_cost),
      cell: (row) => {
        const change = formatChange(Number(row.totals.cost), Number(row.previous_cost));
        return <span title={`before ${money(row.previous_cost)}`}>{change.text || "–"}</span>;
      },
    },
    {
      id: "calls",
      label: "calls",
      align: "right",
      value: (row) => row.totals.calls,
      cell: (row) => {
        const found = by === "day" && q === "" ? "attempts:>0" : callsOf(q, by, row.group);
        const when = by === "day" ? dayWindow(row.group) : range;
        return found && when && row.totals.calls > 0 ? (
          <Link to="/p/$project/traces" params={{ project }} search={{ ...when, q: found }} title="See these calls">
            {formatInt(row.totals.calls)}
          </Link>
        ) : (
          formatInt(row.totals.calls)
        );
      },
    },
    {
      id: "mean",
      label: "per call",
      align: "right",
      value: (row) => (row.totals.calls ? Number(row.totals.cost) / row.totals.calls : null),
      cell: (row) =>
        row.totals.calls
          ? bounded((Number(row.totals.cost) / row.totals.calls).toFixed(12), row.totals.unpriced, money)
          : "–",
    },
    {
      id: "tokens",
      label: "tokens",
      align: "right",
      value: (row) => row.totals.tokens.total,
      cell: (row) => <span title={formatInt(row.totals.tokens.total)}>{formatCompact(row.totals.tokens.total)}</span>,
    },
    {
      id: "unpriced",
      label: "no price",
      align: "right",
      value: (row) => row.totals.unpriced,
      cell: (row) => (row.totals.unpriced ? formatInt(row.totals.unpriced) : <span className="muted">0</span>),
    },
  ];
  if (report.groups.length === 0) return <p className={css.none}>No attempts in this range match the filter.</p>;
  return (
    <>
      <DataTable
        label={`Costs by ${by}`}
        columns={columns}
        rows={report.groups}
        rowKey={(row) => row.group}
        sort={sort}
        onSort={onSort}
      />
      {report.more > 0 && (
        <p className={css.none}>
          {formatInt(report.more)} more groups, {money(report.rest)} together.
        </p>
      )}
      {by === "tag" && <p className={css.none}>A call counts for each of its tags, so these do not add up.</p>}
    </>
  );
}
