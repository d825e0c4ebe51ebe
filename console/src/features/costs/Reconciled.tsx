import { Button, Select, Switch } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Download } from "lucide-react";
import type { ReconciledLine, ReconciliationView } from "@/api/types";
import { formatCompact, formatInt, plural } from "@/lib/format";
import { formatUsd } from "@/lib/money";
import { saveText } from "@/lib/save";
import { Tag } from "@/ui/bits";
import { type Column, DataTable, sortRows } from "@/ui/DataTable";
import { Notice } from "@/ui/Notice";
import css from "./costs.module.css";
import { CAUSES, causeOf, csvOf, filterOf, tokensOf, verdict, windowOf } from "./reconciled";

const MOST = 300;

interface Props {
  project: string;
  found: ReconciliationView;
  file: string;
  search: { all?: string; cause?: string; sort?: string };
  onSearch: (change: Props["search"]) => void;
}

/** How books and bill compare: the answer, why, and the lines, those that are furthest apart first. */
export function Reconciled({ project, found, file, search, onSearch }: Props) {
  const columns = columnsOf(project, found);
  const sort = search.sort ?? "-off";
  const wanted = found.lines.filter(
    (line) =>
      (search.all === "1" || !line.agrees) &&
      (!search.cause || line.causes.some((each) => causeOf(each).name === search.cause)),
  );
  const rows = sortRows(wanted, columns, sort);
  const causes = [...new Set(found.lines.flatMap((line) => line.causes.map((each) => causeOf(each).name)))].sort();
  const unread = found.unread_rows - found.unread.length;
  return (
    <>
      <Notice tone={found.agrees ? "good" : "warn"} title={verdict(found)}>
        {found.causes.length > 0 && (
          <ul className={css.causes} aria-label="Why">
            {found.causes.map((text) => {
              const { name, says } = causeOf(text);
              return (
                <li key={text}>
                  <strong>{CAUSES[name] ?? name}</strong>: {says}
                </li>
              );
            })}
          </ul>
        )}
        {found.unread_rows > 0 && (
          <ul className={css.causes} aria-label="Rows that could not be read">
            {found.unread.map((text) => (
              <li key={text}>{text}</li>
            ))}
            {unread > 0 && <li>and {plural(unread, "more row")}</li>}
          </ul>
        )}
        {!found.agrees && (
          <p>
            {causes.some((name) => name === "price" || name === "unpriced") && (
              <>
                <Link to="/p/$project/prices" params={{ project }} search={{ new: "1" }}>
                  Set the price that you pay
                </Link>
                , then price past calls anew.{" "}
              </>
            )}
            A line's calls lead to what is booked here of its day.
          </p>
        )}
      </Notice>
      <section className={css.panel} style={{ marginTop: 16 }} aria-label="Lines">
        <div className={css.panelHead}>
          <h2>{found.days.length > 1 ? `${found.days[0]} to ${found.days.at(-1)}` : (found.days[0] ?? "No days")}</h2>
          <Switch
            size="xs"
            label="Also what agrees"
            checked={search.all === "1"}
            onChange={(event) => onSearch({ all: event.currentTarget.checked ? "1" : undefined })}
          />
          {causes.length > 0 && (
            <Select
              size="xs"
              w={190}
              aria-label="Cause"
              placeholder="any cause"
              clearable
              data={causes.map((value) => ({ value, label: CAUSES[value] ?? value }))}
              value={search.cause ?? null}
              onChange={(value) => onSearch({ cause: value ?? undefined })}
            />
          )}
          <Button
            variant="default"
            size="xs"
            leftSection={<Download size={13} />}
            onClick={() => saveText(csvOf(found), `reconciled-${file.replace(/\.\w+$/, "")}.csv`, "text/csv")}
          >
            CSV
          </Button>
        </div>
        {rows.length === 0 ? (
          <p className={css.none}>{found.agrees ? "Every line agrees." : "No line that differs has this cause."}</p>
        ) : (
          <DataTable
            label="Lines of books and bill"
            columns={columns}
            rows={rows.slice(0, MOST)}
            rowKey={(row) => `${row.day}/${row.model}/${row.tier}`}
            sort={sort}
            onSort={(next) => onSearch({ sort: next === "-off" ? undefined : next })}
          />
        )}
        {rows.length > MOST && (
          <p className={css.none}>
            {formatInt(MOST)} of {formatInt(rows.length)} lines; the CSV has them all.
          </p>
        )}
      </section>
    </>
  );
}

/** Both sides of one figure, ours above theirs. */
function Both({ ours, theirs }: { ours: string; theirs: string }) {
  return (
    <>
      {ours}
      <div className="muted">{theirs}</div>
    </>
  );
}

const known = (value: number | null, format: (value: number) => string) => (value === null ? "–" : format(value));

function columnsOf(project: string, found: ReconciliationView): Column<ReconciledLine>[] {
  const offOf = (row: ReconciledLine) => (row.cost_off === null ? row.tokens_off : Number(row.cost_off));
  return [
    { id: "day", label: "day", value: (row) => row.day, cell: (row) => row.day || "all days" },
    {
      id: "model",
      label: "model",
      value: (row) => row.model,
      cell: (row) => (
        <>
          <span className={css.name}>{row.model || "all models"}</span> {row.tier && <Tag>{row.tier}</Tag>}
        </>
      ),
    },
    {
      id: "calls",
      label: "calls here / there",
      align: "right",
      value: (row) => row.ours.requests,
      cell: (row) => {
        const window = windowOf(row, found.offset_hours);
        const many = formatInt(row.ours.requests);
        return (
          <>
            {window && (row.ours.requests ?? 0) > 0 ? (
              <Link
                to="/p/$project/costs"
                params={{ project }}
                search={{ ...window, q: filterOf(row, found.provider), by: "model" }}
                title="What is booked here of this day"
              >
                {many}
              </Link>
            ) : (
              many
            )}
            <div className="muted">{known(row.theirs.requests, formatInt)}</div>
          </>
        );
      },
    },
    {
      id: "tokens",
      label: "tokens here / there",
      align: "right",
      value: (row) => tokensOf(row.ours),
      cell: (row) => (
        <Both ours={known(tokensOf(row.ours), formatCompact)} theirs={known(tokensOf(row.theirs), formatCompact)} />
      ),
    },
    {
      id: "cost",
      label: "cost here / there",
      align: "right",
      value: (row) => (row.ours.cost === null ? null : Number(row.ours.cost)),
      cell: (row) => (
        <Both ours={formatUsd(row.ours.cost)} theirs={row.theirs.cost === null ? "–" : formatUsd(row.theirs.cost)} />
      ),
    },
    {
      id: "off",
      label: "theirs less ours",
      align: "right",
      value: (row) => Math.abs(offOf(row)),
      cell: (row) => (row.cost_off === null ? `${formatInt(row.tokens_off)} tokens` : formatUsd(row.cost_off)),
    },
    {
      id: "why",
      label: "why",
      cell: (row) =>
        row.agrees ? (
          <span className="muted">agrees</span>
        ) : (
          <ul className={css.why}>
            {row.causes.map((text) => {
              const { name, says } = causeOf(text);
              return (
                <li key={text}>
                  <strong>{CAUSES[name] ?? name}</strong>: {says}
                </li>
              );
            })}
          </ul>
        ),
    },
  ];
}
