import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { tileQuery } from "@/api/seen";
import type { AggregateReport, Tile, Window } from "@/api/types";
import { formatDateTime } from "@/lib/format";
import type { RangeSearch } from "@/search/range";
import { ProblemNotice } from "@/ui/Notice";
import table from "@/ui/ui.module.css";
import { Plot } from "../overview/Plot";
import css from "./boards.module.css";
import {
  figureAt,
  formatFigure,
  formatNumber,
  joined,
  lines,
  nameOfGroup,
  nameOfMetric,
  numberOf,
  shownMetrics,
  unpricedOf,
} from "./figures";

interface Props {
  project: string;
  tile: Tile;
  /** The dashboard's own search. */
  q: string;
  window: Window;
  range: RangeSearch;
  onZoom: (start: number, end: number) => void;
}

/** One question, drawn. */
export function TileView({ project, tile, q, window, range, onZoom }: Props) {
  const search = joined(q, tile.q);
  const found = useQuery(tileQuery(project, tile, search, window));
  return (
    <>
      <header className={css.tileHead}>
        <h2 className="ellipsis" title={tile.title}>
          {tile.title}
        </h2>
        <Link
          to="/p/$project/traces"
          params={{ project }}
          search={{ ...range, q: search || undefined }}
          className={css.calls}
          aria-label={`The calls behind ${tile.title}`}
        >
          calls
        </Link>
      </header>
      <div className={css.tileBody}>
        {found.error && <ProblemNotice error={found.error} retry={() => void found.refetch()} />}
        {found.isPending && !found.error && <Waiting failed={found.failureReason} />}
        {found.data && !found.error && <Drawn tile={tile} report={found.data} onZoom={onZoom} />}
      </div>
    </>
  );
}

const SLOW_MS = 4_000;

/** A grey tile says nothing: after a while, why it is grey. */
function Waiting({ failed }: { failed: Error | null }) {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  const why = failed ? `${failed.message} Trying again…` : slow ? "The store is busy, and still counting…" : "";
  if (!why) return <Skeleton height="100%" />;
  return (
    <p className="muted" role="status">
      {why}
    </p>
  );
}

function Drawn({ tile, report, onZoom }: { tile: Tile; report: AggregateReport; onZoom: Props["onZoom"] }) {
  if (report.groups.length === 0) return <p className="muted">Nothing in this range.</p>;
  if (tile.chart === "number") return <Big tile={tile} report={report} />;
  if (tile.chart === "table") return <Figures tile={tile} report={report} />;
  if (report.step_ms > 0) return <Chart tile={tile} report={report} onZoom={onZoom} />;
  return <Bars report={report} />;
}

function Big({ tile, report }: { tile: Tile; report: AggregateReport }) {
  const values = report.groups[0]?.values ?? [];
  return (
    <div className={css.big}>
      {shownMetrics(report).map(({ metric, i }, at) => (
        <div key={metric.name}>
          <div className={at === 0 ? css.bigValue : css.smallValue}>{figureAt(report, values, i)}</div>
          {!sameWords(nameOfMetric(metric.name, report.of), tile.title) && (
            <div className="muted">{nameOfMetric(metric.name, report.of)}</div>
          )}
        </div>
      ))}
      {unpricedOf(report, values) > 0 && (
        <div className="muted">{formatFigure(unpricedOf(report, values), "count")} without a price</div>
      )}
    </div>
  );
}

const sameWords = (a: string, b: string) => a.toLowerCase() === b.trim().toLowerCase();

function Figures({ tile, report }: { tile: Tile; report: AggregateReport }) {
  return (
    <div className={table.scrollX} role="region" aria-label={`${tile.title}, as a table`} tabIndex={0}>
      <table className={table.table} aria-label={tile.title}>
        <thead>
          <tr>
            {report.group_by.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            {shownMetrics(report).map(({ metric }) => (
              <th key={metric.name} scope="col" data-align="right">
                {nameOfMetric(metric.name, report.of)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {report.groups.map((row) => (
            <tr key={row.group.join("\0")}>
              {row.group.map((value, i) => (
                <td key={report.group_by[i]}>{value || <span className="muted">not set</span>}</td>
              ))}
              {shownMetrics(report).map(({ metric, i }) => (
                <td key={metric.name} data-align="right">
                  {figureAt(report, row.values, i)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {report.more > 0 && <p className="muted">{report.more} more groups</p>}
    </div>
  );
}

function Bars({ report }: { report: AggregateReport }) {
  const unit = report.metrics[0]?.unit ?? "number";
  const most = Math.max(...report.groups.map((row) => numberOf(row.values[0]) ?? 0), 0);
  return (
    <ul className={css.bars}>
      {report.groups.map((row) => (
        <li key={row.group.join("\0")}>
          <span className="ellipsis" title={nameOfGroup(row.group)}>
            {nameOfGroup(row.group) || "all"}
          </span>
          <span className={css.bar} aria-hidden="true">
            <span style={{ width: `${most ? (100 * (numberOf(row.values[0]) ?? 0)) / most : 0}%` }} />
          </span>
          <span className="num">{formatFigure(row.values[0], unit)}</span>
        </li>
      ))}
    </ul>
  );
}

/** What failed is red wherever it is drawn; the others come in the order of the answer. */
const colorOf = (report: AggregateReport, label: string, i: number): string =>
  report.group_by.length === 1 && report.group_by[0] === "status" && label === "error"
    ? "--bad"
    : (COLORS[i] ?? "--accent");

const COLORS = ["--accent", "--k-find", "--k-tool", "--k-agent", "--bad", "--k-plain"];

function Chart({ tile, report, onZoom }: { tile: Tile; report: AggregateReport; onZoom: Props["onZoom"] }) {
  const [at, setAt] = useState<number | null>(null);
  const drawn = lines(report);
  const unit = report.metrics[0]?.unit ?? "number";
  const show = (value: number | null | undefined) =>
    value === null || value === undefined ? "–" : formatNumber(value, unit);
  return (
    <div className={css.chart}>
      <div className={css.legend}>
        {at !== null && drawn.time[at] !== undefined && (
          <span className="num muted">{formatDateTime(drawn.time[at] * 1000).slice(5, 16)}</span>
        )}
        {drawn.lines.map((line, i) => (
          <span key={line.label} className={css.key}>
            <span style={{ background: `var(${colorOf(report, line.label, i)})` }} aria-hidden="true" />
            {line.label || nameOfMetric(report.metrics[0]?.name ?? "", report.of)}
            {at !== null && <span className="num">{show(line.values[at])}</span>}
          </span>
        ))}
      </div>
      <Plot
        // The chart's columns are fixed when it is made.
        key={`${tile.chart} ${drawn.lines.map((line) => line.label).join("\0")}`}
        time={drawn.time}
        series={drawn.lines.map((line, i) => ({
          label: line.label,
          color: colorOf(report, line.label, i),
          kind: tile.chart === "bar" ? "bars" : tile.chart === "area" ? "area" : "line",
          values: line.values,
        }))}
        window={report.window}
        format={show}
        onCursor={setAt}
        onZoom={onZoom}
        label={tile.title}
      />
    </div>
  );
}
