/** Numbers and times as people read them: short, stable in width, never more precise than they are. */

const DASH = "–";
const integer = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export function formatInt(value: number | null | undefined): string {
  return value === null || value === undefined ? DASH : integer.format(value);
}

/** 950, 12.3k, 4.56M: three significant digits. */
export function formatCompact(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  const size = Math.abs(value);
  if (size < 1000) return String(Math.round(value));
  const steps: [number, string][] = [
    [1e15, "Q"],
    [1e12, "T"],
    [1e9, "B"],
    [1e6, "M"],
    [1e3, "k"],
  ];
  for (const [unit, letter] of steps) {
    if (size >= unit * 0.9995) {
      const scaled = value / unit;
      const decimals = Math.abs(scaled) >= 99.95 ? 0 : Math.abs(scaled) >= 9.995 ? 1 : 2;
      return `${scaled.toFixed(decimals)}${letter}`;
    }
  }
  return integer.format(value);
}

/** Milliseconds: 0.42 ms, 38 ms, 1.24 s, 3 m 12 s, 2 h 05 m. */
export function formatMs(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return DASH;
  if (ms < 0) return `-${formatMs(-ms)}`;
  if (ms === 0) return "0 ms";
  if (ms < 9.995) return `${ms.toFixed(2)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, "0")} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} m`;
  return `${(ms / 86_400_000).toFixed(1)} d`;
}

export function formatPercent(part: number, whole: number): string {
  if (whole === 0) return DASH;
  const percent = (100 * part) / whole;
  if (percent === 0) return "0 %";
  if (percent < 0.1) return "<0.1 %";
  return `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

export interface Change {
  /** `+12 %`, `-3.1 %`, `new`, or empty where there is nothing to compare with. */
  text: string;
  direction: "up" | "down" | "same" | "none";
}

/** The change from one window to the next. Nothing before and something now is `new`, not infinitely more. */
export function formatChange(now: number | null, before: number | null): Change {
  if (now === null || before === null) return { text: "", direction: "none" };
  if (before === 0) return now === 0 ? { text: "", direction: "none" } : { text: "new", direction: "up" };
  const percent = (100 * (now - before)) / before;
  const size = Math.abs(percent);
  if (size < 0.05) return { text: "0 %", direction: "same" };
  if (percent > 999) return { text: `×${formatCompact(now / before)}`, direction: "up" };
  const text = `${percent > 0 ? "+" : "−"}${size.toFixed(size < 9.95 ? 1 : 0)} %`;
  return { text, direction: percent > 0 ? "up" : "down" };
}

const pad = (value: number, width = 2) => String(value).padStart(width, "0");

/** 14:03:22.118 in the reader's own time zone. */
export function formatClock(ms: number, millis = true): string {
  const d = new Date(ms);
  const base = `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
  return millis ? `${base}.${pad(d.getMilliseconds(), 3)}` : base;
}

export function formatDay(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
}

export function formatDateTime(ms: number, millis = false): string {
  return `${formatDay(ms)} ${formatClock(ms, millis)}`;
}

/** The minute that clocks of a time zone show then, and the zone: a window begins at its midnight, not at the reader's. */
export function formatDateTimeIn(zone: string, ms: number): string {
  // Swedish dates are written as ISO 8601 says.
  const there = new Date(ms).toLocaleString("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
  return `${there} ${zone}`;
}

/** Today only the clock; other days the date too. */
export function formatListTime(ms: number, now: number): string {
  if (formatDay(ms) === formatDay(now)) return formatClock(ms, false);
  const month = new Date(ms).toLocaleString("en-GB", { month: "short" });
  return `${pad(new Date(ms).getDate())} ${month} ${formatClock(ms, false).slice(0, 5)}`;
}

/** "just now", "4 min ago", "3 days ago"; "in 2 h" for what is to come. */
export function formatAgo(ms: number, now: number): string {
  const delta = now - ms;
  const size = Math.abs(delta);
  if (size < 5_000) return "just now";
  const units: [number, string][] = [
    [86_400_000, "day"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1_000, "s"],
  ];
  const [unit, name] = units.find(([length]) => size >= length) ?? [1_000, "s"];
  const count = Math.round(size / unit);
  const label = `${count} ${name === "day" && count !== 1 ? "days" : name}`;
  return delta >= 0 ? `${label} ago` : `in ${label}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatInt(count)} ${count === 1 ? one : many}`;
}
