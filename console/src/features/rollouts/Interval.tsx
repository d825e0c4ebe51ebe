import { type Interval, placeOf, type Scale, spanOf } from "./interval";
import css from "./rollouts.module.css";

interface Props {
  interval: Interval;
  scale: Scale;
  /** What a reader who cannot see it hears. */
  label: string;
  /** A value to hold it against: no difference. */
  line?: number;
  /** The side of `line` where up to this much counts as not worse; signed. */
  margin?: number | null;
  arm?: "stable" | "candidate" | "difference";
}

/** An estimate with what it may be at most and at least, drawn to the scale of its neighbours. */
export function IntervalLine({ interval, scale, label, line, margin, arm = "difference" }: Props) {
  const { left, width } = spanOf(interval, scale);
  return (
    <span className={css.track} role="img" aria-label={label} title={label} data-arm={arm}>
      {line !== undefined && margin ? <Margin line={line} margin={margin} scale={scale} /> : null}
      {line !== undefined && <span className={css.zero} style={{ left: `${placeOf(line, scale)}%` }} />}
      {interval.mid !== null && (
        <>
          <span
            className={css.span}
            style={{ left: `${left}%`, width: `${width}%` }}
            data-open-low={interval.low === null || undefined}
            data-open-high={interval.high === null || undefined}
          />
          <span className={css.mid} style={{ left: `${placeOf(interval.mid, scale)}%` }} />
        </>
      )}
    </span>
  );
}

function Margin({ line, margin, scale }: { line: number; margin: number; scale: Scale }) {
  const [from, to] = margin < 0 ? [line + margin, line] : [line, line + margin];
  const left = placeOf(from, scale);
  return <span className={css.margin} style={{ left: `${left}%`, width: `${placeOf(to, scale) - left}%` }} />;
}
