import { describe, expect, it } from "vitest";
import type { BatchView } from "@/api/types";
import { knownOf } from "./words";

const NOW = 1_800_000_000_000;
const OPEN: BatchView = {
  id: "batch_1",
  provider: "openai",
  model: "gpt-4o-mini",
  works_on: "file_1",
  endpoint: "/v1/chat/completions",
  state: "open",
  status: "in_progress",
  made: NOW - 600_000,
  looked: null,
  next_look: NOW + 15_000,
  failures: 0,
  why: "",
  ended: null,
  settled: null,
  settlement: "",
  tokens: null,
  cost: null,
  key_id: "key_1",
  feature: "",
  trace_id: "t",
  request_id: "r",
  held: [],
};

describe("what is known of a batch", () => {
  it("says when it was asked about, and when it will be again", () => {
    expect(knownOf(OPEN, NOW)).toBe("Not asked about yet, first in 15 s");
    expect(knownOf({ ...OPEN, looked: NOW - 120_000, next_look: NOW - 1 }, NOW)).toBe(
      "Asked about 2 min ago, again now",
    );
  });

  it("says of one that was asked for, and not told of, that it is looked for", () => {
    expect(knownOf({ ...OPEN, id: "", state: "making", status: "" }, NOW)).toBe(
      "Its provider has not said that it made it, looked for there in 15 s",
    );
  });

  it("says that it could not be asked about", () => {
    expect(knownOf({ ...OPEN, failures: 3, why: "401" }, NOW)).toBe(
      "3 looks in a row failed, asked about again in 15 s",
    );
  });

  it("says by whose count it is booked", () => {
    const over = { ...OPEN, state: "lost", ended: NOW, settled: NOW - 7_200_000, next_look: null };
    expect(knownOf({ ...over, state: "completed", settlement: "told" }, NOW)).toBe(
      "Booked 2 h ago, by the provider's count",
    );
    expect(knownOf({ ...over, settlement: "unknown" }, NOW)).toContain("without a sum");
    expect(knownOf({ ...OPEN, state: "completed" }, NOW)).toBe("Over, and being booked");
  });
});
