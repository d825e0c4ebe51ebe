import { describe, expect, it } from "vitest";
import type { EnvironmentView } from "@/api/releaseTypes";
import {
  check,
  formOf,
  freezeInWords,
  freshFreeze,
  inWords,
  isProtected,
  localOf,
  momentOf,
  protectionOf,
} from "./environmentForm";

const PRODUCTION: EnvironmentView = {
  name: "production",
  position: 3,
  default: true,
  protection: {
    gate: true,
    gate_days: 7,
    approvals: 2,
    note: true,
    freezes: [{ name: "nights", days: ["mon", "fri"], after: "18:00", before: "08:00", timezone: "Europe/Berlin" }],
  },
  revision: 4,
  updated: 0,
};

describe("an environment", () => {
  it("is the same after it went through the form", () => {
    expect(protectionOf(formOf(PRODUCTION, 9))).toEqual(PRODUCTION.protection);
    expect(formOf(PRODUCTION, 9).position).toBe("3");
    expect(check(formOf(PRODUCTION, 9))).toEqual({});
  });
  it("that is new demands nothing and stands behind the last", () => {
    const form = { ...formOf(undefined, 4), name: "canary" };
    expect(form.position).toBe("4");
    expect(check(form)).toEqual({});
    expect(isProtected(protectionOf(form))).toBe(false);
  });
  it("names what cannot be meant", () => {
    const form = { ...formOf(PRODUCTION, 9), name: "Prod", position: "-1", approvals: "21", gateDays: "0" };
    expect(Object.keys(check(form)).sort()).toEqual(["approvals", "gateDays", "name", "position"]);
  });
});

describe("a freeze", () => {
  const once = { ...freshFreeze("UTC"), kind: "once" as const, name: "launch" };
  const wrong = (freeze: typeof once | ReturnType<typeof freshFreeze>) =>
    check({ ...formOf(PRODUCTION, 1), freezes: [freeze] }).freezes?.[0];

  it("once keeps its moments, whatever the reader's time zone", () => {
    const moment = "2026-12-24T17:00:00.000Z";
    expect(momentOf(localOf(moment))).toBe(moment);
    expect(localOf("nonsense")).toBe("");
  });
  it("ends after it begins, and says what it is for", () => {
    expect(wrong({ ...once, start: "2026-12-24T18:00", end: "2026-12-24T17:00" })).toContain("before it begins");
    expect(wrong({ ...once, start: "2026-12-24T18:00", end: "" })).toContain("beginning and an end");
    expect(wrong({ ...once, name: " " })).toContain("what it is for");
    expect(wrong({ ...freshFreeze("UTC"), name: "w", days: [] })).toContain("days");
    expect(wrong({ ...freshFreeze("UTC"), name: "w", after: "24:00" })).toContain("HH:MM");
    expect(wrong({ ...freshFreeze("UTC"), name: "weekend" })).toBeUndefined();
  });
  it("reads as a sentence", () => {
    expect(freezeInWords({ name: "w", days: ["sat", "sun"], after: "00:00", before: "00:00" })).toBe(
      "every Saturday, Sunday, all day, UTC",
    );
    expect(freezeInWords(PRODUCTION.protection.freezes?.[0] ?? { name: "" })).toBe(
      "every Monday, Friday from 18:00 to 08:00 the day after, Europe/Berlin",
    );
  });
});

describe("what is demanded", () => {
  it("reads as a sentence", () => {
    expect(inWords(PRODUCTION.protection)).toBe(
      "A release needs a passed gate at most 7 days old, 2 approvals and a note.",
    );
    expect(inWords({ approvals: 1 })).toBe("A release needs 1 approval.");
    expect(inWords({})).toContain("Not protected");
  });
});

describe("suites that are demanded", () => {
  it("are kept, and told", () => {
    const suites = ["support", "refunds"];
    const protection = { ...PRODUCTION.protection, gate: false, suites };
    const form = formOf({ ...PRODUCTION, protection }, 0);
    expect(protectionOf(form).suites).toEqual(suites);
    expect(protectionOf(form).gate_days).toBe(7);
    expect(inWords({ suites })).toBe("A release needs the suites support, refunds passed.");
    expect(isProtected({ suites })).toBe(true);
  });
});
