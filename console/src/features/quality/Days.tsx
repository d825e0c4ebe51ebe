import type { QualityLine } from "@/api/qualityTypes";
import type { Window } from "@/api/types";
import { placeOf, type Scale } from "@/features/rollouts/interval";
import { formatDay, formatInt } from "@/lib/format";
import css from "./quality.module.css";
import { print, rowsOf } from "./trend";

interface Props {
  days: QualityLine[];
  scale: Scale;
  window: Window;
}

const DAY_MS = 86_400_000;
const HEIGHT = 64;

/** A strip per release on one time axis: each day a dot with its interval, so that a step when a release came is seen. */
export function Days({ days, scale, window }: Props) {
  const from = Math.floor(window.start / DAY_MS) * DAY_MS;
  const to = Math.max(window.end, from + DAY_MS);
  const x = (day: number) => (100 * (day + DAY_MS / 2 - from)) / (to - from);
  const y = (value: number) => HEIGHT - 4 - ((HEIGHT - 8) * placeOf(value, scale)) / 100;
  return (
    <ul className={css.strips} aria-label="Days">
      {rowsOf(days).map((row) => (
        <li key={row.name}>
          <strong>{row.name}</strong>
          <div className={css.strip} style={{ height: HEIGHT }} role="img" aria-label={told(row.name, row.days)}>
            <span className={css.top}>{print(scale.to)}</span>
            <span className={css.bottom}>{print(scale.from)}</span>
            {row.days.map(({ day, quality }) =>
              quality.value === null || day === null ? null : (
                <span
                  key={day}
                  className={css.day}
                  style={{ left: `${Math.min(99, x(day))}%` }}
                  title={dayWords(day, quality)}
                >
                  {quality.low !== null && quality.high !== null && (
                    <span
                      className={css.bar2}
                      style={{ top: y(quality.high), height: Math.max(2, y(quality.low) - y(quality.high)) }}
                    />
                  )}
                  <span className={css.point} style={{ top: y(quality.value) - 3 }} />
                </span>
              ),
            )}
          </div>
        </li>
      ))}
      <li aria-hidden="true" className={css.axis}>
        <span />
        <span>
          <span>{formatDay(window.start)}</span>
          <span>{formatDay(window.end)}</span>
        </span>
      </li>
    </ul>
  );
}

const dayWords = (day: number, quality: QualityLine["quality"]): string =>
  `${formatDay(day)}: ${print(quality.value)}, ${print(quality.low)} to ${print(quality.high)}, n ${formatInt(quality.n)}${
    quality.unscored ? `, ${formatInt(quality.unscored)} could not be scored` : ""
  }`;

const told = (name: string, days: QualityLine[]): string =>
  `${name}: ${days.map((line) => dayWords(line.day ?? 0, line.quality)).join("; ")}`;
