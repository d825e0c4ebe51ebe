import type { BurnDown } from "@/api/types";

/** A burn-down in the unit square: x from the window's start to its end, y from the whole bound (0) to nothing (1). */
export interface Curve {
  /** What is left, step by step, until now. */
  left: string;
  /** From now to the window's end, or to when nothing is left, at the pace so far; null without a pace. */
  ahead: string | null;
  now: number;
}

export function curveOf(burnt: BurnDown): Curve {
  const span = Math.max(1, burnt.resets - burnt.started);
  const bound = Number(burnt.bound);
  const x = (at: number) => Math.min(1, Math.max(0, (at - burnt.started) / span));
  const y = (used: number) => (bound > 0 ? Math.min(1, used / bound) : 1);
  const points = burnt.points.map((point) => ({ x: x(point.at), y: y(Number(point.used)) }));
  const last = points.at(-1) ?? { x: 0, y: 0 };
  const left = [{ x: 0, y: 0 }, ...points].map(place).join(" ");
  if (last.y <= 0 || last.y >= 1 || last.x <= 0 || last.x >= 1) return { left, ahead: null, now: last.x };
  const slope = last.y / last.x;
  const end = Math.min(1, 1 / slope);
  return { left, ahead: [last, { x: end, y: Math.min(1, slope * end) }].map(place).join(" "), now: last.x };
}

const place = ({ x, y }: { x: number; y: number }) => `${round(x)},${round(y)}`;
const round = (value: number) => Math.round(value * 10_000) / 10_000;
