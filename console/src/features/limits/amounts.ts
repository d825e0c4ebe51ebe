import type { LimitView } from "@/api/types";
import { formatCompact, formatInt } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { WINDOWS } from "./limitForm";

/** An amount in its measure: `$4.20`, `1 request`, `1.25M tokens`. */
export function amount(measure: LimitView["measure"], value: string): string {
  if (measure === "money") return formatMoney(value);
  const count = Number(value);
  const unit = measure === "concurrency" ? "at once" : count === 1 ? measure.replace(/s$/, "") : measure;
  return `${count < 100_000 ? formatInt(count) : formatCompact(count)} ${unit}`;
}

/** An amount beside another of the same measure, which says the unit: `3` of `20 at once`. */
export function bare(measure: LimitView["measure"], value: string): string {
  return measure === "concurrency" ? formatInt(Number(value)) : amount(measure, value);
}

/** How much of a bound, with the unit said once: `2 of 6 requests`, `$1.20 of $25.00`. */
export function ofBound(measure: LimitView["measure"], value: string, bound: string): string {
  const count = Number(value);
  const first = measure === "money" ? formatMoney(value) : count < 100_000 ? formatInt(count) : formatCompact(count);
  return `${first} of ${amount(measure, bound)}`;
}

/** The rule in one line: `$25.00 each month, for each user, of feature chat`. */
export function inWords(limit: LimitView): string {
  const window = WINDOWS.find((each) => each.value === limit.window)?.label;
  const scope = Object.entries(limit.scope)
    .filter(([, values]) => values && values.length > 0)
    .map(([name, values]) => `${name} ${(values ?? []).join(" or ")}`);
  return [
    [amount(limit.measure, limit.bound), window].filter(Boolean).join(" "),
    limit.per.length > 0 && `for each ${limit.per.join(" and ")}`,
    scope.length > 0 && `of ${scope.join(", ")}`,
    limit.timezone !== "UTC" && limit.timezone,
  ]
    .filter(Boolean)
    .join(", ");
}

/** Used of the bound, 0 to 100 and beyond. */
export function percentUsed(limit: Pick<LimitView, "bound">, used: string): number {
  return Number(limit.bound) > 0 ? (100 * Number(used)) / Number(limit.bound) : 0;
}
