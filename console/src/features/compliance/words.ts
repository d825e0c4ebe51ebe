/** Evidence in words; periods as days. */

import type { Cell, Control, Mapped, Period, Section } from "@/api/compliance";
import { formatDateTime, formatInt } from "@/lib/format";

export type Shown = Control["shown"];

export const SHOWN: Record<Shown, { label: string; about: string }> = {
  shown: { label: "records", about: "Every section that speaks to it has records of this period." },
  partly: { label: "some records", about: "Some of the sections that speak to it have records of this period." },
  nothing_yet: { label: "no record yet", about: "Sections speak to it, and none has a record of this period." },
  not_here: { label: "not shown here", about: "No record of this server speaks to it." },
};
const ORDER = Object.keys(SHOWN) as Shown[];

/** `4 of 10 with records, 2 with some, …`: how much of a framework is shown. */
export function countWords(framework: Pick<Mapped, "controls">): string {
  const all = framework.controls.length;
  return ORDER.map((shown): [Shown, number] => [
    shown,
    framework.controls.filter((each) => each.shown === shown).length,
  ])
    .filter(([, count]) => count > 0)
    .map(([shown, count], i) => `${count}${i === 0 ? ` of ${all}` : ""} ${SHOWN[shown].label}`)
    .join(", ");
}

/** Those of a column that ends in `_at` are moments. */
export function cellWords(column: string, cell: Cell): string {
  if (cell === null || cell === "") return "–";
  if (typeof cell === "number") return column.endsWith("_at") ? formatDateTime(cell) : numberWords(cell);
  if (typeof cell === "boolean") return cell ? "yes" : "no";
  return cell;
}

const numberWords = (value: number): string =>
  Number.isInteger(value) ? formatInt(value) : String(Math.round(value * 1000) / 1000);

export const columnWords = (column: string): string => column.replace(/_at$/, "").replaceAll("_", " ");

export const isEmpty = (section: Pick<Section, "total">): boolean => section.total === 0;

/** 2026-07-01 as the beginning of that day, UTC; null for what is no day. */
export function dayOf(text: string | undefined): number | null {
  if (!text || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return null;
  const at = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== text ? null : at;
}

export const dayText = (at: number): string => new Date(at).toISOString().slice(0, 10);

const DAY = 86_400_000;

/** The period of two days, both of them in it; null where that is none. */
export function periodOf(from: string | undefined, to: string | undefined): Period | null {
  const [start, last] = [dayOf(from), dayOf(to)];
  return start === null || last === null || last < start ? null : { start, end: last + DAY };
}

export interface Preset {
  label: string;
  from: string;
  to: string;
}

/** This and the last quarter, and the last 90 days, as seen from `now`. */
export function presets(now: number): Preset[] {
  const date = new Date(now);
  const quarter = Math.floor(date.getUTCMonth() / 3);
  const begin = (back: number) => Date.UTC(date.getUTCFullYear(), 3 * (quarter - back), 1);
  const today = dayText(now);
  return [
    { label: "Last 90 days", from: dayText(now - 89 * DAY), to: today },
    { label: "This quarter", from: dayText(begin(0)), to: today },
    { label: "Last quarter", from: dayText(begin(1)), to: dayText(begin(0) - DAY) },
    { label: "This year", from: `${date.getUTCFullYear()}-01-01`, to: today },
  ];
}
