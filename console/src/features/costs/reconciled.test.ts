import { describe, expect, it } from "vitest";
import type { CostSide, ReconciledLine, ReconciliationView } from "@/api/types";
import { causeOf, csvOf, filterOf, tokensOf, verdict, windowOf } from "./reconciled";

const NONE: CostSide = { requests: null, input: null, cache_read: null, cache_write: null, output: null, cost: null };
const line = (change: Partial<ReconciledLine> = {}): ReconciledLine => ({
  day: "2026-01-31",
  model: "gpt-4o",
  tier: "",
  ours: { ...NONE, requests: 2, input: 100, output: 50, cost: "1.5" },
  theirs: { ...NONE, cost: "2" },
  tokens_off: 0,
  cost_off: "0.5",
  agrees: false,
  causes: ["price: the same tokens at another price."],
  ...change,
});
const found = (change: Partial<ReconciliationView> = {}): ReconciliationView => ({
  provider: "lab",
  vendor: "generic",
  days: ["2026-01-31"],
  agrees: false,
  tolerance: 0.01,
  offset_hours: 0,
  ours: { ...NONE, cost: "1.5" },
  theirs: { ...NONE, cost: "2" },
  cost_off: "0.5",
  lines: [line()],
  causes: [],
  unread: [],
  unread_rows: 0,
  ...change,
});

describe("a comparison with a bill", () => {
  it("says how far they are apart, and which way", () => {
    expect(verdict(found())).toBe(
      "The provider bills $0.50 more than is booked here (25.0 %): $2.00 there, $1.50 here. 1 of 1 line differs.",
    );
    expect(verdict(found({ cost_off: "-0.5" }))).toContain("less");
    expect(verdict(found({ cost_off: "0" }))).toBe("The sums are the same, $2.00, but 1 of 1 line differs.");
    expect(verdict(found({ agrees: true, lines: [line({ agrees: true })] }))).toBe(
      "Books and bill agree: $1.50 here, $2.00 there, over 1 day.",
    );
    expect(verdict(found({ lines: [line({ agrees: true })], unread_rows: 2 }))).toBe(
      "Every line that could be read agrees; 2 rows of the export could not be.",
    );
    const tokens = { ours: { ...NONE, input: 1000 }, theirs: { ...NONE, input: 2000 }, cost_off: null };
    expect(verdict(found(tokens))).toBe("1 of 1 line differs: 1.00k tokens here, 2.00k in the export.");
  });

  it("counts what a side tells of, and nothing else", () => {
    expect(tokensOf(NONE)).toBeNull();
    expect(tokensOf({ ...NONE, input: 3, output: 4 })).toBe(7);
  });

  it("leads to the attempts of the export's day", () => {
    const at = Date.UTC(2026, 0, 31);
    expect(windowOf(line(), 0)).toEqual({ start: String(at), end: String(at + 86_400_000) });
    // Days eight hours behind UTC: an hour of ours is moved by the offset, so the window is moved against it.
    expect(windowOf(line(), -8)?.start).toBe(String(at + 8 * 3_600_000));
    expect(windowOf(line({ day: "" }), 0)).toBeNull();
    expect(filterOf(line(), "lab")).toBe("provider:lab model:*gpt-4o*");
    expect(filterOf(line({ model: "a b" }), "my lab")).toBe('provider:"my lab"');
  });

  it("names causes and gives a CSV that a spreadsheet does not obey", () => {
    expect(causeOf("price: the same")).toEqual({ name: "price", says: "the same" });
    const text = csvOf(found({ lines: [line({ model: '=cmd("x")', cost_off: "-0.5" })] }));
    expect(text.split("\n")[1]).toBe(
      `2026-01-31,"'=cmd(""x"")",,2,,150,,1.5,2,-0.5,false,price: the same tokens at another price.`,
    );
  });
});
