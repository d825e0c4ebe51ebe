import { describe, expect, it } from "vitest";
import type { DatedPriceView } from "@/api/types";
import { check, dayStart, formOf, momentText, names, newPriceOf, ratesText } from "./priceForm";

const form = (change: Partial<ReturnType<typeof formOf>> = {}) => ({
  ...formOf(undefined),
  model: "gpt-4o",
  ...change,
});
const rates = (given: Record<string, string>) => ({ ...formOf(undefined).rates, ...given });

describe("a dated price", () => {
  it("needs a model, and rates of tokens in pairs or a price by the piece", () => {
    expect(check(form({ model: " " })).model).toBeTruthy();
    expect(check(form()).rates).toBeTruthy();
    expect(check(form({ rates: rates({ input: "0.1" }) })).rates).toBeTruthy();
    expect(check(form({ rates: rates({ input: "0.1", output: "0.4" }) }))).toEqual({});
    expect(check(form({ rates: rates({ per_image: "0.04" }) }))).toEqual({});
    expect(check(form({ rates: rates({ input: "0,1", output: "-1" }) })).rate).toEqual({
      input: "Dollars, e.g. 0.15.",
      output: "Dollars, e.g. 0.15.",
    });
  });

  it("holds from a day until another, both UTC, and not the other way round", () => {
    expect(check(form({ from: "2026-02-01", to: "2026-01-01", rates: rates({ per_request: "1" }) })).to).toBeTruthy();
    const body = newPriceOf(form({ from: "2026-01-01", rates: rates({ input: " 0.1 ", output: "0.4" }) }));
    expect(body).toMatchObject({ model: "gpt-4o", provider: "*", tier: "", valid_to: null });
    expect(body.valid_from).toBe(Date.UTC(2026, 0, 1));
    expect(body.rates).toEqual({ input: "0.1", output: "0.4" });
  });

  it("is told in words", () => {
    expect(momentText(Date.UTC(2026, 0, 31))).toBe("2026-01-31");
    expect(momentText(Date.UTC(2026, 0, 31, 6, 30))).toBe("2026-01-31 06:30 UTC");
    expect(dayStart("")).toBeNull();
    const row = { rates: rates({ input: "0.1", output: "0.4" }) } as unknown as DatedPriceView;
    expect(ratesText(row.rates)).toBe("input $0.1, output $0.4");
  });

  it("knows whom a pattern names", () => {
    expect(names("gpt-4o*", "gpt-4o-mini")).toBe(true);
    expect(names("gpt-4o", "gpt-4o-mini")).toBe(false);
    expect(names("*", "anything/at.all")).toBe(true);
    expect(names("a.b", "axb")).toBe(false);
    expect(names("[", "[")).toBe(true);
  });
});
