import { useState } from "react";
import type { CostReport } from "@/api/types";
import { formatDateTime, formatInt } from "@/lib/format";
import { Plot } from "../overview/Plot";
import css from "./costs.module.css";
import { moneyOf } from "./money";

interface Props {
  report: CostReport;
  onZoom: (start: number, end: number) => void;
}

/** Money over time; dragging narrows the range. */
export function CostSeries({ report, onZoom }: Props) {
  const [at, setAt] = useState<number | null>(null);
  const money = moneyOf(report);
  const format = (value: number | null) => money((value ?? 0).toFixed(12));
  const point = at === null ? undefined : report.series[at];
  return (
    <figure className={css.chart}>
      <figcaption className={css.chartHead}>
        <strong>Cost over time</strong>
        {point && (
          <span className="num muted">
            {formatDateTime(point.start).slice(5, 16)}: {money(point.cost)}, {formatInt(point.calls)} calls
            {point.unpriced > 0 && `, ${formatInt(point.unpriced)} without a price`}
          </span>
        )}
      </figcaption>
      <Plot
        time={report.series.map((each) => each.start / 1000)}
        series={[
          {
            label: report.currency,
            color: "--accent",
            kind: "bars",
            values: report.series.map((each) => Number(each.cost)),
          },
        ]}
        window={report.window}
        format={format}
        onCursor={setAt}
        onZoom={onZoom}
        label="Cost over time"
      />
    </figure>
  );
}
