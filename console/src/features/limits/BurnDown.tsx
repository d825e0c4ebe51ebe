import { useQuery } from "@tanstack/react-query";
import { burnDownQuery } from "@/api/queries";
import type { LimitView } from "@/api/types";
import { formatDateTimeIn } from "@/lib/format";
import { ProblemNotice } from "@/ui/Notice";
import { amount } from "./amounts";
import { curveOf } from "./burnDown";
import css from "./limits.module.css";

/** What was left of the bound over the window, from the books, and where the pace so far leads. */
export function BurnDown({ project, limit, values }: { project: string; limit: LimitView; values: string[] }) {
  const asked = useQuery(burnDownQuery(project, limit.name, values));
  if (asked.error) return <ProblemNotice error={asked.error} />;
  if (!asked.data) return <div className={css.chart} aria-busy="true" />;
  const burnt = asked.data;
  const curve = curveOf(burnt);
  const used = burnt.points.at(-1)?.used ?? "0";
  return (
    <figure className={css.figure}>
      <svg
        className={css.chart}
        viewBox="0 0 1 1"
        preserveAspectRatio="none"
        role="img"
        aria-label={`Burn-down of ${limit.name}: ${amount(limit.measure, used)} of ${amount(limit.measure, limit.bound)} used`}
      >
        <line className={css.even} x1="0" y1="0" x2="1" y2="1" vectorEffect="non-scaling-stroke" />
        <polygon className={css.area} points={`${curve.left} ${curve.now},1 0,1`} />
        <polyline className={css.left} points={curve.left} vectorEffect="non-scaling-stroke" />
        {curve.ahead && <polyline className={css.ahead} points={curve.ahead} vectorEffect="non-scaling-stroke" />}
      </svg>
      <figcaption>
        <div className={css.ends}>
          <span>{formatDateTimeIn(limit.timezone, burnt.started)}</span>
          <span>{formatDateTimeIn(limit.timezone, burnt.resets)}</span>
        </div>
        <span className="muted">What is left, from the books. Dotted: an even pace. Dashed: the pace so far.</span>
      </figcaption>
    </figure>
  );
}
