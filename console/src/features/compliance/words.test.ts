import { describe, expect, it } from "vitest";
import { cellWords, columnWords, countWords, dayOf, periodOf, presets } from "./words";

describe("a period", () => {
  it("has both of its days in it, in UTC", () => {
    expect(periodOf("2026-07-01", "2026-07-01")).toEqual({
      start: Date.UTC(2026, 6, 1),
      end: Date.UTC(2026, 6, 2),
    });
    expect(periodOf("2026-07-02", "2026-07-01")).toBeNull();
    expect(periodOf("2026-07-01", undefined)).toBeNull();
  });
  it("is made of days that there are", () => {
    expect(dayOf("2026-02-30")).toBeNull();
    expect(dayOf("2024-02-29")).toBe(Date.UTC(2024, 1, 29));
    expect(dayOf("01.02.2026")).toBeNull();
  });
  it("may be a quarter, over the turn of a year too", () => {
    const [days, , last] = presets(Date.UTC(2026, 1, 10, 12));
    expect(days).toEqual({ label: "Last 90 days", from: "2025-11-13", to: "2026-02-10" });
    expect(last).toEqual({ label: "Last quarter", from: "2025-10-01", to: "2025-12-31" });
  });
});

describe("evidence in words", () => {
  it("counts controls by what there is to show, never as passed", () => {
    const control = (shown: "shown" | "partly" | "nothing_yet" | "not_here") =>
      ({ id: "", title: "", asks: "", shown, sections: [], empty: [], add: "" }) as const;
    const controls = [control("shown"), control("not_here"), control("shown"), control("nothing_yet")].map((each) => ({
      ...each,
      sections: [],
      empty: [],
    }));
    expect(countWords({ controls })).toBe("2 of 4 records, 1 no record yet, 1 not shown here");
  });
  it("writes cells as what they are", () => {
    expect(cellWords("calls", 1234)).toBe("1,234");
    expect(cellWords("approved_at", 0)).toMatch(/^19(69|70)-/);
    expect(cellWords("share", 0.12345)).toBe("0.123");
    expect([cellWords("a", null), cellWords("a", true), cellWords("a", "x")]).toEqual(["–", "yes", "x"]);
    expect(columnWords("approved_at")).toBe("approved");
  });
});
