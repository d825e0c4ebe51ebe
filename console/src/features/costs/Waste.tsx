import { Skeleton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { WasteReport } from "@/api/types";
import { formatInt, formatPercent, plural } from "@/lib/format";
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

interface Props {
  project: string;
  report: WasteReport | undefined;
  money: (amount: string | null) => string;
  /** Look only at what a line counts. */
  onOnly: (q: string) => void;
}

/** Each attempt is in one line at most, so the lines add up. */
export function Waste({ project, report, money, onOnly }: Props) {
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
              {money(line.cost)} · {plural(line.count, "attempt")} ·{" "}
              {formatPercent(Number(line.cost), Number(report.cost))}
              {line.unpriced > 0 && ` · ${formatInt(line.unpriced)} without a price`}
            </span>
          </div>
          <div className={css.wasteBar} aria-hidden="true">
            <span style={{ width: `${most ? (100 * Number(line.cost)) / most : 0}%` }} />
          </div>
          <p>
            {line.about} <span className="muted">{line.fix}</span>{" "}
            {line.kind === "repeated" ? (
              <Link to="/p/$project/cache" params={{ project }}>
                The cache
              </Link>
            ) : (
              <button type="button" className={css.only} onClick={() => onOnly(line.q)}>
                Only these
              </button>
            )}
          </p>
        </li>
      ))}
    </ul>
  );
}
