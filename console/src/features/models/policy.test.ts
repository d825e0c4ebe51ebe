import { describe, expect, it } from "vitest";
import type { Policy, ResilienceView } from "@/api/types";
import { inForce, linesOf } from "./policy";
import { POLICY } from "./policySample";

const OWN: Policy = {
  ...POLICY,
  deadline_s: 30,
  hedge: { after_ms: 800, after: "p95", max_extra_ratio: 0.05 },
  concurrency: { limit: 8, queue: 100, max_wait_s: 30 },
};

describe("a resilience policy", () => {
  it("is told in words, and what is its own is marked", () => {
    const lines = linesOf(OWN, POLICY);
    expect(linesOf(POLICY, POLICY).some((line) => line.own)).toBe(false);
    expect(lines.filter((line) => line.own).map((line) => line.text)).toEqual([
      "30 s for a call",
      "asks a second target after 800 ms or the 95th percentile of its last answers, for at most 5 % of calls",
      "8 at a time from each worker; 100 more may wait, each up to 30 s",
    ]);
  });
  it("is the default where there is no own one", () => {
    const lab: ResilienceView = {
      subject: "provider",
      name: "lab",
      policy: OWN,
      source: "config",
      updated: null,
      revision: 0,
    };
    const all = { items: [lab], defaults: POLICY };
    expect(inForce(all, "provider", "lab")).toEqual({ policy: OWN, own: lab });
    expect(inForce(all, "model", "lab")).toEqual({ policy: POLICY, own: undefined });
  });
});
