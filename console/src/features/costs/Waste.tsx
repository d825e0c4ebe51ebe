import { Skeleton } from "@mantine/core";
import type { WasteReport } from "@/api/types";
import { formatInt, formatPercent } from "@/lib/format";
import { formatUsd } from "@/lib/money";
import css from "./costs.module.css";

const NAMES: Record<WasteReport["lines"][number]["kind"], string> = {
  retries: "Asked again",
  failed: "Failed",
  doubted: "Doubted answers",
  cancelled: "Cancelled",
  crashed: "Cut off by a crash",
  repeated: "Asked before",
  oversized: "Very long input",
};

/** Each attempt is in one line at most, so the lines add up. */
export function Waste({ report }: { report: WasteReport | undefined }) {
  if (!report) return <Skeleton height={120} radius={0} />;
  const found = report.lines.filter((line) => line.count > 0);
  if (found.length === 0)
    return <p className={css.none}>Nothing: no retries, failures, repeats or oversized calls that cost anything.</p>;
  const most = Math.max(...found.map((line) => Number(line.cost)), 0);
  return (
    <ul className={css.waste}>
      {found.map((line) => (
        <li key={line.kind}>
          <div className={css.wasteHead}>
            <strong>{NAMES[line.kind]}</strong>
            <span className="num">
              {formatUsd(line.cost)} · {formatInt(line.count)} attempts ·{" "}
              {formatPercent(Number(line.cost), Number(report.cost))}
              {line.unpriced > 0 && ` · ${formatInt(line.unpriced)} without a price`}
            </span>
          </div>
          <div className={css.wasteBar} aria-hidden="true">
            <span style={{ width: `${most ? (100 * Number(line.cost)) / most : 0}%` }} />
          </div>
          <p>
            {line.about} <span className="muted">{line.fix}</span>
          </p>
        </li>
      ))}
    </ul>
  );
}
