import { describe, expect, it } from "vitest";
import type { Evidence, RolloutView } from "@/api/releaseTypes";
import {
  callsAt,
  change,
  endedWords,
  figure,
  levelWords,
  metricName,
  percent,
  planWords,
  range,
  seconds,
  segmentWords,
  whatToLookAt,
} from "./words";

const arm = { n: 100, units: 90, value: 0.1, low: 0.05, high: 0.2 };
const EVIDENCE: Evidence = {
  metric: "errors",
  unit: "share",
  better: "lower",
  relative: false,
  margin: 0.02,
  level: 0.95,
  stable: arm,
  candidate: arm,
  difference: 0.01,
  low: -0.02,
  high: 0.04,
  outcome: "not_worse",
  says: "",
};

describe("figures", () => {
  it("have the digits that tell something, and no zeros for show", () => {
    expect([0.5, 0.051234, 0.1234, 1, 0, 0.00042].map((share) => percent(share))).toEqual([
      "50 %",
      "5.12 %",
      "12.3 %",
      "100 %",
      "0 %",
      "0.042 %",
    ]);
    expect(figure(null, "ms")).toBe("–");
    expect(figure(1240, "ms")).toBe("1.24 s");
    expect(figure(0.000045, "currency")).toBe("$0.000045");
  });
  it("differ in points, in shares of the stable arm, or in their unit", () => {
    expect(change(0.01, EVIDENCE)).toBe("+1 points");
    expect(change(-0.25, { ...EVIDENCE, relative: true })).toBe("−25 %");
    expect(change(-120, { ...EVIDENCE, unit: "ms" })).toBe("−120 ms");
    expect(change(null, EVIDENCE)).toBe("–");
  });
  it("say where an interval is not bounded", () => {
    const print = (value: number | null) => String(value);
    expect(range(null, null, print)).toBe("not bounded yet");
    expect(range(1, null, print)).toBe("at least 1");
    expect(range(null, 2, print)).toBe("at most 2");
  });
  it("never round a level up to certainty", () => {
    expect(levelWords(0.95)).toBe("95 %");
    expect(levelWords(0.99999)).toBe("99.99 %");
  });
});

describe("words", () => {
  it("say how long a step lasts", () => {
    expect([0, 45, 600, 5400, 7200, 90].map(seconds)).toEqual([
      "no time",
      "45 s",
      "10 min",
      "90 min",
      "2 h",
      "1 m 30 s",
    ]);
  });
  it("name a metric that nobody has named", () => {
    expect(metricName("errors")).toBe("Failed calls");
    expect(metricName("score:tone_of_voice")).toBe("Tone of voice");
  });
  it("say what a plan does", () => {
    expect(planWords({ steps: [{ share: 0.05 }, { share: 0.5 }] })).toBe("5 %, then 50 %");
    expect(planWords({ kind: "shadow", share: 1, budget: "5" })).toContain("$5.00 in all");
    expect(planWords({ kind: "direct" })).toContain("At once");
    expect(segmentWords({ tags: ["internal"], metadata: { team: ["red", "blue"] } })).toBe(
      "tag internal, and team red or blue",
    );
    expect(segmentWords(null)).toBe("nobody");
  });
});

describe("a rollout that is over", () => {
  const ended = {
    state: "rolled_back",
    stable: 1,
    candidate: 4,
    step: 0,
    started: 1_000_000,
    ended: 1_012_000,
    updated: 1_012_000,
    plan: { kind: "canary", steps: [{ share: 0.25 }, { share: 0.5 }] },
    evidence: {
      evidence: [
        { ...EVIDENCE, outcome: "worse" },
        { ...EVIDENCE, metric: "score:helpful", outcome: "worse" },
        { ...EVIDENCE, metric: "latency", outcome: "worse" },
        { ...EVIDENCE, metric: "feedback" },
      ],
    },
  } as unknown as RolloutView;

  it("says since when, by whom and after how long", () => {
    const now = 1_012_000 + 180_000;
    expect(endedWords(ended, "rollout controller", now)).toMatch(
      /^Rolled back 3 min ago \(.*\) by the rollout controller, after 12\.0 s\.$/,
    );
    expect(endedWords({ ...ended, state: "stopped" }, "Ada", now)).toContain(" by Ada, ");
    expect(endedWords({ ...ended, plan: { kind: "direct" } } as RolloutView, "", now)).not.toContain(" by ");
  });

  it("says what answers since, and how far it had come", () => {
    expect(callsAt(ended)).toBe(
      "All calls went back to r1 at once; r4 finished what it had begun to answer. r4 had 25 % of them until then.",
    );
    expect(callsAt({ ...ended, stable: null, plan: { kind: "direct" } } as RolloutView)).toBe(
      "Nothing ran there before, so that calls were refused at once; r4 finished what it had begun to answer.",
    );
  });

  it("leads to the calls that show what was worse", () => {
    expect(whatToLookAt(ended).map(({ key, value }) => `${key}:${value}`)).toEqual([
      "status:error",
      "has:score.helpful",
    ]);
  });
});
