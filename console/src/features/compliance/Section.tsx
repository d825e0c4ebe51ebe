import { useState } from "react";
import type { Section } from "@/api/compliance";
import { formatInt, plural } from "@/lib/format";
import { Panel } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import css from "./compliance.module.css";
import { cellWords, columnWords } from "./words";

type Row = { key: string; cells: Section["rows"][number] };
const OPEN_UP_TO = 12;

/** One kind of evidence: what sums it up, and the records themselves. */
export function SectionView({ section }: { section: Section }) {
  const figures = Object.entries(section.figures ?? {});
  const rows: Row[] = section.rows.map((cells, i) => ({ key: String(i), cells }));
  const left = section.total - rows.length;
  const [open, setOpen] = useState(rows.length <= OPEN_UP_TO);
  return (
    <section className={css.section} id={`section-${section.name}`} aria-label={section.title} tabIndex={-1}>
      <h2>{section.title}</h2>
      <p className="muted">
        {section.about} From: {section.source}.
      </p>
      <Panel>
        {figures.length > 0 && (
          <dl className={css.figures} style={{ margin: 0 }}>
            {figures.map(([name, value]) => (
              <div key={name}>
                <dt>{columnWords(name)}</dt>
                <dd className={typeof value === "number" ? "num" : undefined}>{cellWords(name, value)}</dd>
              </div>
            ))}
          </dl>
        )}
        {rows.length === 0 && <p className={`muted ${css.plain}`}>No record in this period.</p>}
        {rows.length > 0 && (
          <details
            className={figures.length > 0 ? css.rows : undefined}
            open={open}
            onToggle={(event) => setOpen(event.currentTarget.open)}
          >
            <summary className={css.plain}>{plural(section.total, "record")}</summary>
            {open && (
              <DataTable label={section.title} columns={columnsOf(section)} rows={rows} rowKey={(row) => row.key} />
            )}
            {left > 0 && (
              <p className={`muted ${css.plain}`}>
                {formatInt(left)} more are not shown; the command line and the API write the first{" "}
                {formatInt(rows.length)} too.
              </p>
            )}
          </details>
        )}
      </Panel>
    </section>
  );
}

function columnsOf(section: Section): Column<Row>[] {
  return section.columns.map((name, i) => ({
    id: name,
    label: columnWords(name),
    align: typeof section.rows[0]?.[i] === "number" && !name.endsWith("_at") ? "right" : undefined,
    cell: (row) => <span className={css.cell}>{cellWords(name, row.cells[i] ?? null)}</span>,
  }));
}
