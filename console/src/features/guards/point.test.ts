import { describe, expect, it } from "vitest";
import type { GuardShare, OperatingPoint } from "@/api/guards";
import { alarmScale, bodyOf, draftFault, newDraft, partsOf, percent, promise, shareOf } from "./point";

const share = (count: number, of: number, high: number): GuardShare => ({
  count,
  of,
  share: of ? count / of : null,
  low: 0,
  high,
});
const POINT: OperatingPoint = {
  budget: 0.01,
  threshold: 0.42,
  alarms: share(3, 400, 0.02),
  recall: share(80, 100, 0.87),
  sure: false,
  needed: 299,
  unjudged: 0,
  by_length: [],
  by_language: [],
  by_family: [],
};

describe("a budget of false alarms", () => {
  it("is read in percent, exactly", () => {
    expect([shareOf("1"), shareOf("0.07"), shareOf("0.5 %"), shareOf("0")]).toEqual([0.01, 0.0007, 0.005, 0]);
    expect([shareOf(""), shareOf("100"), shareOf("-1"), shareOf("1e3")]).toEqual([null, null, null, null]);
  });
  it("is asked on texts that are not attacks, or not at all", () => {
    const draft = newDraft(["output", "input"]);
    expect(draft.stage).toBe("input");
    expect(newDraft(["output"]).stage).toBe("output");
    expect(draftFault(draft)).toBe("");
    expect(draftFault({ ...draft, sample: "0" })).toContain("harmless");
    expect(draftFault({ ...draft, sample: "0", benign: "hello" })).toBe("");
    expect(draftFault({ ...draft, sample: "2001" })).toContain("2,000");
  });
  it("sends texts line by line, without empty ones", () => {
    const body = bodyOf({ ...newDraft(["input"]), attacks: "one\n\n  two  \n", budget: "0.5" });
    expect(body.attacks).toEqual(["one", "two"]);
    expect(body.max_false_positives).toBe(0.005);
  });
});

describe("the figures of an operating point", () => {
  it("never show a small share as none", () => {
    expect([percent(0), percent(0.00012), percent(0.0123), percent(0.87654), percent(null)]).toEqual([
      "0 %",
      "0.012 %",
      "1.2 %",
      "87.7 %",
      "–",
    ]);
  });
  it("promise by the interval, not by the count", () => {
    expect(promise(POINT).tone).toBe("warn");
    expect(promise(POINT).says).toContain("299");
    expect(promise({ ...POINT, sure: true }).tone).toBe("good");
    expect(promise({ ...POINT, alarms: share(30, 400, 0.1) }).tone).toBe("bad");
  });
  it("share a line that holds budget and intervals", () => {
    expect(alarmScale([share(0, 400, 0.007)], 0.01)).toEqual({ from: 0, to: 0.02 });
    expect(alarmScale([share(40, 50, 0.97)], 0.01).to).toBe(1);
    expect(alarmScale([share(0, 0, 1)], 0).to).toBe(0.001);
  });
  it("leave out parts of which nothing is known, the worst first", () => {
    const part = (name: string, alarms: GuardShare) => ({ name, alarms, recall: share(0, 0, 1) });
    const rows = partsOf([
      part("none", share(0, 0, 1)),
      part("few", share(1, 100, 0.05)),
      part("many", share(9, 100, 0.2)),
    ]);
    expect(rows.map((row) => row.name)).toEqual(["many", "few"]);
  });
});
