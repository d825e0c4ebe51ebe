/** How a cost comes about: tokens of each bucket times the rate of its price row, in exact picodollars. */

import type { PriceView, Tokens } from "@/api/types";
import { parseUsd, tokensTimesRate } from "@/lib/money";

export interface CostLine {
  bucket: string;
  tokens: number;
  /** US dollars per million; null where the row has none of its own. */
  rate: string | null;
  /** Which rate is used where the bucket has none of its own. */
  borrowed: string;
  pico: bigint | null;
}

export interface Computation {
  lines: CostLine[];
  sum: bigint | null;
  /** The sum is the recorded cost, to the picodollar (a rounding of each line allowed). */
  agrees: boolean;
}

export function computeCost(tokens: Tokens, price: PriceView, recorded: string | null): Computation {
  const rates: [string, number, string | null, string][] = [
    ["input", tokens.input, price.input, ""],
    ["cache read", tokens.cache_read, price.cache_read ?? price.input, price.cache_read === null ? "input" : ""],
    ["cache write", tokens.cache_write, price.cache_write ?? price.input, price.cache_write === null ? "input" : ""],
    ["output", tokens.output, price.output, ""],
    ["reasoning", tokens.reasoning, price.output, "output"],
  ];
  const lines = rates
    .filter(([bucket, count]) => count > 0 || bucket === "input" || bucket === "output")
    .map(([bucket, count, rate, borrowed]) => ({
      bucket,
      tokens: count,
      rate,
      borrowed,
      pico: count === 0 ? 0n : rate === null ? null : tokensTimesRate(count, rate),
    }));
  const sum = lines.reduce<bigint | null>(
    (total, l) => (total === null || l.pico === null ? null : total + l.pico),
    0n,
  );
  const truth = recorded === null ? null : parseUsd(recorded);
  const off = sum === null || truth === null ? null : sum > truth ? sum - truth : truth - sum;
  return { lines, sum, agrees: off !== null && off <= BigInt(lines.length) };
}
