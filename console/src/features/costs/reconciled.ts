/** What a comparison with a provider's bill says: its answer in a sentence, why, and the way to the calls behind a line. */

import type { CostSide, ReconciledLine, ReconciliationView } from "@/api/types";
import { formatCompact, plural } from "@/lib/format";
import { formatUsd } from "@/lib/money";
import { literal, printQuery } from "@/search/language";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** All tokens that a side tells of; null where it tells of none. */
export function tokensOf(side: CostSide): number | null {
  const known = [side.input, side.cache_read, side.cache_write, side.output].filter((each) => each !== null);
  return known.length > 0 ? known.reduce((sum, each) => sum + each, 0) : null;
}

const signed = (amount: number) => formatUsd(Math.abs(amount).toFixed(12));

/** The answer: how far bill and books are apart. */
export function verdict(found: ReconciliationView): string {
  const { ours, theirs } = found;
  const days = plural(found.days.length, "day");
  if (found.agrees)
    return theirs.cost === null
      ? `Books and export agree on every one of ${plural(found.lines.length, "line")} of ${days}.`
      : `Books and bill agree: ${formatUsd(ours.cost)} here, ${formatUsd(theirs.cost)} there, over ${days}.`;
  const apart = found.lines.filter((line) => !line.agrees).length;
  if (apart === 0)
    return `Every line that could be read agrees; ${plural(found.unread_rows, "row")} of the export could not be.`;
  const lines = `${apart} of ${plural(found.lines.length, "line")} ${apart === 1 ? "differs" : "differ"}`;
  if (found.cost_off === null || theirs.cost === null) {
    const [here, there] = [tokensOf(ours), tokensOf(theirs)];
    return `${lines}: ${formatCompact(here)} tokens here, ${formatCompact(there)} in the export.`;
  }
  const off = Number(found.cost_off);
  if (off === 0) return `The sums are the same, ${formatUsd(theirs.cost)}, but ${lines}.`;
  const share =
    Number(theirs.cost) !== 0 ? ` (${((100 * Math.abs(off)) / Math.abs(Number(theirs.cost))).toFixed(1)} %)` : "";
  return `The provider bills ${signed(off)} ${off > 0 ? "more" : "less"} than is booked here${share}: ${formatUsd(
    theirs.cost,
  )} there, ${formatUsd(ours.cost)} here. ${lines}.`;
}

/** A cause's name, and what it says. */
export function causeOf(text: string): { name: string; says: string } {
  const at = text.indexOf(":");
  return at < 0 ? { name: text, says: "" } : { name: text.slice(0, at), says: text.slice(at + 1).trim() };
}

export const CAUSES: Record<string, string> = {
  timezone: "days begin elsewhere",
  missing_here: "not in the books",
  missing_there: "not on the bill",
  tier: "another tier",
  calls: "more or fewer calls",
  unpriced: "no price here",
  estimated: "estimated here",
  price: "another price",
  told: "not what it told",
  open_day: "day not over",
  unexplained: "not explained",
  unread: "rows not read",
  pages: "a page is missing",
  repeated: "rows twice",
};

/** The day of a line as a window of the page of costs: where the export's days begin. */
export function windowOf(line: ReconciledLine, offsetHours: number): { start: string; end: string } | null {
  const start = Date.parse(`${line.day}T00:00:00Z`) - offsetHours * HOUR_MS;
  return Number.isFinite(start) ? { start: String(start), end: String(start + DAY_MS) } : null;
}

/** The filter of the page of costs that has our side of a line. Names are compared without their dates: so are these. */
export function filterOf(line: ReconciledLine, provider: string): string {
  const own = printQuery([{ kind: "field", key: "provider", negated: false, values: [literal(provider)] }]);
  const plain = /^[\w.:-]+$/.test(line.model);
  return plain ? `${own} model:*${line.model}*` : own;
}

/** The comparison as a CSV, for who goes on in a spreadsheet. */
export function csvOf(found: ReconciliationView): string {
  const cell = (value: string | number | null) => {
    const text = value === null ? "" : String(value);
    const safe = /^[=+\-@]/.test(text) && !/^-?[\d.]+$/.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const head = "day,model,tier,calls,calls_there,tokens,tokens_there,cost,cost_there,cost_off,agrees,causes";
  const rows = found.lines.map((line) =>
    [
      line.day,
      line.model,
      line.tier,
      line.ours.requests,
      line.theirs.requests,
      tokensOf(line.ours),
      tokensOf(line.theirs),
      line.ours.cost,
      line.theirs.cost,
      line.cost_off,
      String(line.agrees),
      line.causes.join(" "),
    ]
      .map(cell)
      .join(","),
  );
  return `${[head, ...rows].join("\n")}\n`;
}
