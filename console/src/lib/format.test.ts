import { afterEach, describe, expect, it } from "vitest";
import { formatAgo, formatChange, formatCompact, formatDateTimeIn, formatMs, formatPercent } from "./format";
import {
  boundedMoney,
  currencyName,
  exactUsd,
  formatMoney,
  formatUsd,
  parseUsd,
  printUsd,
  showMoneyIn,
  tokensTimesRate,
} from "./money";

describe("numbers", () => {
  it("shortens large ones to three digits", () => {
    expect(
      [0, 7, 999, 1000, 1234, 12_345, 99_999, 999_499, 999_999, 1_234_567, 2e9, 3e12, 9.007e15].map(formatCompact),
    ).toEqual([
      "0",
      "7",
      "999",
      "1.00k",
      "1.23k",
      "12.3k",
      "100k",
      "999k",
      "1.00M",
      "1.23M",
      "2.00B",
      "3.00T",
      "9.01Q",
    ]);
  });
  it("writes durations in the unit that fits", () => {
    expect([0, 0.42, 9.994, 38.4, 999.4, 1240, 9999, 61_000, 192_000, 7_500_000].map(formatMs)).toEqual([
      "0 ms",
      "0.42 ms",
      "9.99 ms",
      "38 ms",
      "999 ms",
      "1.24 s",
      "10.0 s",
      "1 m 01 s",
      "3 m 12 s",
      "2 h 05 m",
    ]);
    expect(formatMs(null)).toBe("–");
  });
  it("compares windows without dividing by nothing", () => {
    expect(formatChange(112, 100).text).toBe("+12 %");
    expect(formatChange(97, 100).text).toBe("−3.0 %");
    expect(formatChange(5, 0).text).toBe("new");
    expect(formatChange(0, 0).text).toBe("");
    expect(formatChange(null, 3).direction).toBe("none");
    expect(formatChange(30_000, 100).text).toBe("×300");
  });
  it("keeps small shares apart from none", () => {
    expect([
      formatPercent(0, 10),
      formatPercent(1, 10_000),
      formatPercent(1, 40),
      formatPercent(1, 3),
      formatPercent(0, 0),
    ]).toEqual(["0 %", "<0.1 %", "2.5 %", "33 %", "–"]);
  });
  it("says how long ago", () => {
    expect(formatAgo(0, 240_000)).toBe("4 min ago");
    expect(formatAgo(0, 86_400_000 * 3)).toBe("3 days ago");
    expect(formatAgo(7_200_000, 0)).toBe("in 2 h");
  });
});

describe("money", () => {
  it("is exact to the picodollar", () => {
    for (const text of ["0", "0.000125", "12.5", "0.000000000001", "1234567.89"]) {
      const pico = parseUsd(text);
      expect(pico === null ? null : printUsd(pico)).toBe(text);
    }
    expect(parseUsd("1e-7")).toBeNull();
    expect(parseUsd("")).toBeNull();
  });
  it("multiplies tokens by a rate without floats", () => {
    expect(printUsd(tokensTimesRate(1234, "0.15") ?? 0n)).toBe("0.0001851");
    expect(printUsd(tokensTimesRate(3, "0.1") ?? 0n)).toBe("0.0000003");
  });
  it("shows three digits below a dollar and cents above", () => {
    expect(["0", "0.000125", "0.0213", "0.5", "1.005", "1234.5", "0.00000012345"].map(formatUsd)).toEqual([
      "$0",
      "$0.000125",
      "$0.0213",
      "$0.50",
      "$1.01",
      "$1,234.50",
      "$0.000000123",
    ]);
    expect(formatUsd(null)).toBe("no price");
  });
});

describe("money in a project's currency", () => {
  afterEach(() => showMoneyIn(null, null));

  it("is dollars until a project says otherwise, and again where it has none", () => {
    expect([formatMoney("1.5"), exactUsd("1.5"), currencyName()]).toEqual(["$1.50", "$1.5", "US dollars"]);
    showMoneyIn("EUR", "0.5");
    expect(formatMoney("1.5")).toBe("EUR 0.75");
    showMoneyIn(undefined, undefined);
    expect(formatMoney("1.5")).toBe("$1.50");
  });

  it("keeps the lower bound, what has no price, the sign, and the exact dollars beside", () => {
    showMoneyIn("EUR", "0.5");
    expect(boundedMoney("3", 2)).toBe("≥ EUR 1.50");
    expect([formatMoney(null), formatMoney("0"), formatMoney("-3")]).toEqual(["no price", "EUR 0", "-EUR 1.50"]);
    expect(exactUsd("0.000125")).toBe("$0.000125 = EUR 0.0000625");
    expect(currencyName()).toBe("EUR");
  });

  it("takes dollars for themselves", () => {
    showMoneyIn("USD", "2");
    expect([formatMoney("3"), currencyName()]).toEqual(["$3.00", "US dollars"]);
  });
});

describe("a time in another zone", () => {
  it("is the midnight of those who live there", () => {
    const at = Date.UTC(2026, 9, 31, 18, 30);
    expect(formatDateTimeIn("Asia/Kolkata", at)).toBe("2026-11-01 00:00 Asia/Kolkata");
    expect(formatDateTimeIn("America/Los_Angeles", Date.UTC(2026, 11, 1, 8))).toBe(
      "2026-12-01 00:00 America/Los_Angeles",
    );
  });
});
