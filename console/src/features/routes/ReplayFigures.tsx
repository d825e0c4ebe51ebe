import { Link } from "@tanstack/react-router";
import type { ReplayedCall, ReplayReport } from "@/api/types";
import { formatChange, formatDateTime, formatInt, formatMs, formatPercent, plural } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import css from "./routes.module.css";

type Report = ReplayReport["report"];
type Sides = Report["cost"];
type Share = Report["targets"][number];

const usd = (value: number) => formatMoney(value.toFixed(12));
const share = (value: number) => formatPercent(value, 1);

/** Both sides of one figure; of the estimate the interval, where it has a width. */
interface Figure {
  label: string;
  sides: Sides;
  print: (value: number) => string;
}

export function ReplayFigures({ project, q, found }: { project: string; q: string; found: ReplayReport }) {
  const { report } = found;
  const figures: Figure[] = [
    { label: "Cost of them all", sides: report.cost, print: usd },
    { label: "Latency, median", sides: report.latency_p50, print: formatMs },
    { label: "Latency, 95th percentile", sides: report.latency_p95, print: formatMs },
    { label: "First attempts that fail", sides: report.failures, print: share },
    { label: "Refusals", sides: report.refusals, print: share },
  ];
  return (
    <div className={css.replayed}>
      <p className={css.replayHead} role="status">
        {headline(report)}
      </p>
      <p>
        <Link
          to="/p/$project/traces"
          params={{ project }}
          search={{
            q: [q, "attempts:>0"].filter(Boolean).join(" "),
            start: String(found.window.start),
            end: String(found.window.end),
          }}
        >
          {plural(found.found, "call")} found
        </Link>
        , {found.found > report.calls && "the newest "}
        {formatInt(report.calls)} decided again: {formatInt(report.same)} go where they went, {formatInt(report.moved)}{" "}
        elsewhere
        {report.refused > 0 && (
          <>
            , <strong className={css.refuses}>{formatInt(report.refused)} nowhere: this tree refuses them</strong>
          </>
        )}
        {report.judged > 0 &&
          `, ${formatInt(report.sent_up)} of ${formatInt(report.judged)} judged ones sent up at once`}
        . {report.thresholds.length > 0 && `${thresholds(report)} `}
        {report.cut_off > 0 &&
          `${formatInt(report.cut_off)} were cut off by their client: how long they would have taken elsewhere is not known. `}
        {report.not_enough_data > 0 &&
          `Of ${formatInt(report.not_enough_data)} nothing can be said: where they would go, too few calls are on record.`}
      </p>
      {report.compared > 0 && (
        <DataTable
          label="What would have changed"
          columns={columnsOf(report.compared)}
          rows={figures}
          rowKey={(row) => row.label}
        />
      )}
      <DataTable label="Where calls would go" columns={TARGETS} rows={report.targets} rowKey={keyOf} />
      {found.changes.length > 0 && (
        <>
          <h3>
            Calls that change
            {report.moved + report.refused > found.changes.length &&
              `: ${formatInt(found.changes.length)} of ${formatInt(report.moved + report.refused)}, by how much of money they are about`}
          </h3>
          <DataTable
            label="Calls that change"
            columns={callColumns(project)}
            rows={found.changes}
            rowKey={(row) => `${row.trace_id}/${row.at}/${row.model}`}
          />
        </>
      )}
      {report.notes.length > 0 && (
        <ul className={css.notes} aria-label="What to bear in mind">
          {report.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Which difficulty would send up which share. */
function thresholds(report: Report): string {
  const told = report.thresholds.map((each) => `${Math.round(100 * each.share)} % above ${each.difficulty}`);
  return `Of their difficulties lie at most ${told.join(", ")}.`;
}

/** The answer in a sentence. */
export function headline(report: Report): string {
  if (report.calls === 0) return "None of these calls can be decided again: no attempt of theirs is on record.";
  if (report.moved + report.refused === 0) return "Nothing: every call would go where it went.";
  const { recorded, replayed } = report.cost;
  const cost =
    recorded === null || replayed === null || report.compared === 0
      ? "what it would have cost cannot be said"
      : replayed.low === recorded && replayed.high === recorded
        ? `it would have cost the same ${usd(recorded)}`
        : `it would have cost about ${usd(replayed.value)} instead of ${usd(recorded)}${changeOf(recorded, replayed.value)}`;
  const first =
    report.refused === 0
      ? `${plural(report.moved, "call")} would go elsewhere`
      : report.moved === 0
        ? `${plural(report.refused, "call")} would be refused`
        : `${plural(report.moved, "call")} would go elsewhere and ${formatInt(report.refused)} would be refused`;
  return `${first}; ${cost}.`;
}

function changeOf(before: number, after: number): string {
  const { text, direction } = formatChange(after, before);
  return direction === "none" || direction === "same" || text === "new" ? "" : ` (${text})`;
}

function columnsOf(compared: number): Column<Figure>[] {
  return [
    { id: "what", label: `of ${plural(compared, "call")} that can be compared`, cell: (row) => row.label },
    {
      id: "recorded",
      label: "on record",
      align: "right",
      cell: ({ sides, print }) => (sides.recorded === null ? "unknown" : print(sides.recorded)),
    },
    {
      id: "replayed",
      label: "would have been",
      align: "right",
      cell: ({ sides, print }) => (sides.replayed === null ? "not enough data" : print(sides.replayed.value)),
    },
    {
      id: "interval",
      label: "95 % interval",
      align: "right",
      cell: ({ sides: { replayed }, print }) =>
        replayed === null
          ? "–"
          : replayed.low === replayed.high
            ? "no spread"
            : `${print(replayed.low)} to ${print(replayed.high)}`,
    },
  ];
}

const keyOf = (row: Share) => `${row.provider}/${row.model}`;

const TARGETS: Column<Share>[] = [
  {
    id: "target",
    label: "target",
    cell: (row) => (
      <>
        <strong>{row.name || row.model}</strong>{" "}
        <span className="muted">
          {row.name && row.name !== row.model && `${row.model} `}at {row.provider}
        </span>
      </>
    ),
  },
  { id: "went", label: "went there", align: "right", cell: (row) => formatInt(row.recorded) },
  { id: "would", label: "would go there", align: "right", cell: (row) => formatInt(row.replayed) },
  {
    id: "records",
    label: "calls on record",
    align: "right",
    cell: (row) => (
      <>
        {formatInt(row.attempts)} {!row.estimated && <Tag tone="warn">too few</Tag>}
      </>
    ),
  },
];

function callColumns(project: string): Column<ReplayedCall>[] {
  return [
    {
      id: "at",
      label: "call",
      cell: (row) => (
        <Link
          to="/p/$project/traces/$traceId"
          params={{ project, traceId: row.trace_id }}
          search={{ view: "decision" }}
        >
          {formatDateTime(row.at).slice(5)}
        </Link>
      ),
    },
    { id: "before", label: "went to", cell: (row) => `${row.before_model} at ${row.before_provider}` },
    {
      id: "after",
      label: "would go to",
      cell: (row) => (row.model ? `${row.model} at ${row.provider}` : <Tag tone="bad">refused</Tag>),
    },
    { id: "cost", label: "cost", align: "right", cell: (row) => formatMoney(row.cost) },
    {
      id: "expected",
      label: "would cost about",
      align: "right",
      cell: (row) => (row.model === "" ? "–" : row.expected === null ? "not known" : formatMoney(row.expected)),
    },
  ];
}
