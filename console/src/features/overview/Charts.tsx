import { Skeleton } from "@mantine/core";
import { useMemo, useState } from "react";
import type { Overview } from "@/api/types";
import { formatCompact, formatDateTime, formatMs } from "@/lib/format";
import { currencyName, formatMoney } from "@/lib/money";
import css from "./overview.module.css";
import { Plot, type PlotSeries } from "./Plot";
import { type Columns, toColumns } from "./series";

interface Props {
  overview: Overview | undefined;
  onZoom: (start: number, end: number) => void;
}

interface ChartSpec {
  title: string;
  series: (PlotSeries & { pick: keyof Columns })[];
  format: (value: number | null) => string;
}

const CHARTS: ChartSpec[] = [
  {
    title: "Calls",
    format: formatCompact,
    series: [
      { label: "calls", color: "--accent", kind: "bars", pick: "calls" },
      { label: "errors", color: "--bad", kind: "bars", pick: "errors" },
    ],
  },
  {
    title: "Latency",
    format: formatMs,
    series: [
      { label: "p95", color: "--k-agent", kind: "line", pick: "p95" },
      { label: "p50", color: "--accent", kind: "line", pick: "p50" },
    ],
  },
  {
    title: "Cost",
    format: (v) => formatMoney(v === null ? "0" : v.toFixed(12)),
    series: [{ label: "money", color: "--accent", kind: "bars", pick: "cost" }],
  },
  {
    title: "Tokens",
    format: formatCompact,
    series: [{ label: "tokens", color: "--accent", kind: "bars", pick: "tokens" }],
  },
];

/** Four views of one time axis; the cursor is shared, dragging narrows the range. */
export function Charts({ overview, onZoom }: Props) {
  const columns = useMemo(() => (overview ? toColumns(overview) : null), [overview]);
  const [at, setAt] = useState<number | null>(null);
  if (!columns || !overview) return <Skeleton height={420} mb={16} radius={6} />;
  return (
    <section className={css.charts} aria-label="Over time">
      {CHARTS.map((chart) => (
        <figure key={chart.title} className={css.chart} style={{ margin: 0 }}>
          <figcaption className={css.chartHead}>
            <span className={css.chartTitle}>{chart.title}</span>
            {chart.series.map((s) => (
              <span key={s.label} className={`${css.key} num`}>
                <span className={css.swatch} style={{ background: `var(${s.color})` }} aria-hidden="true" />
                {s.pick === "cost" ? currencyName() : s.label}
                {at !== null && (
                  <strong>{chart.format((columns[s.pick][at] as number | null | undefined) ?? null)}</strong>
                )}
              </span>
            ))}
            {at !== null && (
              <span className={`${css.hover} num`}>{formatDateTime((columns.time[at] ?? 0) * 1000).slice(5, 16)}</span>
            )}
          </figcaption>
          <Plot
            time={columns.time}
            series={chart.series.map((s) => ({ ...s, values: columns[s.pick] }))}
            window={overview.window}
            format={chart.format}
            onCursor={setAt}
            onZoom={onZoom}
            label={`${chart.title} over time`}
          />
        </figure>
      ))}
    </section>
  );
}
