import type { CostReport } from "@/api/types";
import { formatIn } from "@/lib/money";

/** As the report says, which knows the currency of the moment it was made. */
export function moneyOf(report: Pick<CostReport, "currency" | "rate">): (amount: string | null) => string {
  return (amount) => formatIn({ code: report.currency, rate: report.rate }, amount);
}

/** A sum that some prices are missing from is a lower bound; one with no known price at all is no amount. */
export function bounded(cost: string, unpriced: number, money: (amount: string) => string): string {
  if (unpriced > 0 && Number(cost) === 0) return "no price";
  return (unpriced > 0 ? "≥ " : "") + money(cost);
}
