/** Intervals on a line that several of them share, so that they can be compared by eye. */

export interface Interval {
  /** Null where the data does not bound it on that side. */
  low: number | null;
  high: number | null;
  /** Null while there is nothing to estimate from. */
  mid: number | null;
}

export interface Scale {
  from: number;
  to: number;
}

const ROOM = 0.06;

/** The smallest line that holds every finite end, with some room beside; `with` are values that must be on it too. */
export function scaleOf(intervals: readonly Interval[], also: readonly number[] = []): Scale {
  const ends = [...intervals.flatMap((one) => [one.low, one.high, one.mid]), ...also].filter(
    (value): value is number => value !== null && Number.isFinite(value),
  );
  if (ends.length === 0) return { from: 0, to: 1 };
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  const room = (most - least) * ROOM || Math.abs(most) * ROOM || 1;
  return { from: least - room, to: most + room };
}

/** Where a value stands on the line, in percent, held to its ends. */
export function placeOf(value: number, scale: Scale): number {
  const share = (value - scale.from) / (scale.to - scale.from);
  return 100 * Math.min(1, Math.max(0, share));
}

/** From left to right in percent; an end that is not bounded reaches the end of the line. */
export function spanOf(interval: Interval, scale: Scale): { left: number; width: number } {
  const left = interval.low === null ? 0 : placeOf(interval.low, scale);
  const right = interval.high === null ? 100 : placeOf(interval.high, scale);
  return { left, width: Math.max(0, right - left) };
}
