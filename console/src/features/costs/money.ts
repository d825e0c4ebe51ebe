import type { CostReport } from "@/api/types";
import { formatUsd } from "@/lib/money";

/** Amounts are US dollars; a project may show them in its own currency, at a rate it has set. */
export function moneyOf(report: Pick<CostReport, "currency" | "rate">): (amount: string | null) => string {
  if (report.currency === "USD") return formatUsd;
  const rate = Number(report.rate);
  return (amount) =>
    amount === null ? "no price" : formatUsd((Number(amount) * rate).toFixed(12)).replace("$", `${report.currency} `);
}

/** A sum that some prices are missing from is a lower bound; one with no known price at all is no amount. */
export function bounded(cost: string, unpriced: number, money: (amount: string) => string): string {
  if (unpriced > 0 && Number(cost) === 0) return "no price";
  return (unpriced > 0 ? "≥ " : "") + money(cost);
}
