import { describe, expect, it } from "vitest";
import type { PriceView, Tokens } from "@/api/types";
import { computeCost } from "./cost";

const tokens: Tokens = {
  input: 1000,
  cache_read: 500,
  cache_write: 0,
  output: 200,
  reasoning: 50,
  total: 1750,
  estimated: false,
};
const price: PriceView = {
  model: "m",
  provider: "p",
  known: true,
  source: "s",
  input: "0.15",
  output: "0.6",
  cache_read: "0.075",
  cache_write: null,
  note: "",
};

describe("the cost of a span", () => {
  it("is tokens times rate, reasoning at the output rate, exactly", () => {
    const { lines, agrees } = computeCost(tokens, price, "0.0003375");
    expect(lines.map((l) => [l.bucket, l.pico])).toEqual([
      ["input", 150_000_000n],
      ["cache read", 37_500_000n],
      ["output", 120_000_000n],
      ["reasoning", 30_000_000n],
    ]);
    expect(agrees).toBe(true);
  });
  it("says when the price in force does not make the recorded cost", () => {
    expect(computeCost(tokens, price, "0.5").agrees).toBe(false);
    expect(computeCost(tokens, { ...price, output: null }, "0.0003375").sum).toBeNull();
  });
  it("reads cache at the input rate where the row has no rate for it", () => {
    expect(computeCost(tokens, { ...price, cache_read: null }, null).lines[1]).toMatchObject({
      borrowed: "input",
      pico: 75_000_000n,
    });
  });
});
