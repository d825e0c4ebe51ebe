import { describe, expect, it } from "vitest";
import { fixedSearch, presetSearch, resolveRange } from "./range";

const NOW = 1_750_000_000_000;

describe("the time range", () => {
  it("is the last 24 hours when the address says nothing or nonsense", () => {
    for (const search of [
      {},
      { range: "soon" },
      { start: "5", end: "4" },
      { start: "x", end: "y" },
      { range: "0x1h" },
    ]) {
      const range = resolveRange(search, NOW);
      expect(range.window).toEqual({ start: NOW - 86_400_000, end: NOW });
      expect(range.moving).toBe(true);
    }
  });
  it("takes any length, not only the presets", () => {
    expect(resolveRange({ range: "90m" }, NOW).window.start).toBe(NOW - 90 * 60_000);
    expect(resolveRange({ range: "90m" }, NOW).label).toBe("Last 90m");
  });
  it("goes through the address and back", () => {
    expect(resolveRange(fixedSearch(1000.4, 2000), NOW).window).toEqual({ start: 1000, end: 2000 });
    expect(resolveRange(presetSearch("7d"), NOW).preset).toBe("7d");
    expect(presetSearch("24h").range).toBeUndefined();
  });
});
