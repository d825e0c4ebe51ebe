import { IntervalLine } from "@/features/rollouts/Interval";
import type { Scale } from "@/features/rollouts/interval";
import { range } from "@/features/rollouts/words";
import css from "./whisker.module.css";

interface Props {
  /** What it is of, for who cannot see it. */
  name: string;
  value: number | null;
  low: number | null;
  high: number | null;
  scale: Scale;
  print: (value: number | null) => string;
  /** What it rests on: `n 40`. */
  n?: string;
  /** In words below the line, where there is no room beside it. */
  stacked?: boolean;
}

export const SHARE: Scale = { from: 0, to: 1 };

/** A figure with its interval as a dot and whiskers, told in words too. */
export function Whisker({ name, value, low, high, scale, print, n, stacked = false }: Props) {
  const told = value === null ? "nothing to tell from" : `${print(value)}, ${range(low, high, print)}`;
  return (
    <span className={css.row} data-stacked={stacked || undefined}>
      <span className={`num ${css.value}`}>{print(value)}</span>
      <IntervalLine interval={{ low, high, mid: value }} scale={scale} label={`${name}: ${told}`} arm="candidate" />
      <span className={`num ${css.n}`}>
        {value !== null && range(low, high, print)}
        {n && ` · ${n}`}
      </span>
    </span>
  );
}
