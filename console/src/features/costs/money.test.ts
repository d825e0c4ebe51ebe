import { describe, expect, it } from "vitest";
import { bounded, moneyOf } from "./money";

describe("money of a cost report", () => {
  it("is US dollars unless the project says otherwise", () => {
    expect(moneyOf({ currency: "USD", rate: "1" })("1234.5")).toBe("$1,234.50");
    expect(moneyOf({ currency: "EUR", rate: "0.9" })("10")).toBe("EUR 9.00");
    expect(moneyOf({ currency: "EUR", rate: "0.9" })(null)).toBe("no price");
  });
  it("marks a sum that lacks prices as a lower bound, and no price as none", () => {
    const money = moneyOf({ currency: "USD", rate: "1" });
    expect(bounded("2", 0, money)).toBe("$2.00");
    expect(bounded("2", 3, money)).toBe("≥ $2.00");
    expect(bounded("0", 3, money)).toBe("no price");
    expect(bounded("0", 0, money)).toBe("$0");
  });
});
