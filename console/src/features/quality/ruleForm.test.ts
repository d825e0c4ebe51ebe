import { describe, expect, it } from "vitest";
import type { RuleView } from "@/api/qualityTypes";
import { choice, formOf, read, ruleWords } from "./ruleForm";

const told = (kind: "online" | "schedule", spec: object) => ({ name: "r", kind, spec }) as unknown as RuleView;

describe("an online rule", () => {
  it("is read back as it was told, also where defaults are left out", () => {
    const rule = told("online", { scorers: [{ scorer: "refusal" }], app: "support" });
    const { spec, wrong } = read(formOf(rule));
    expect(wrong).toEqual({});
    expect(spec).toEqual({
      kind: "online",
      scorers: [{ scorer: "refusal", name: "", options: {} }],
      app: "support",
      environment: "",
      q: "",
      share: 0.05,
      budget: "1",
      description: "",
    });
    expect(ruleWords(rule)).toBe("refusal: 5 % of support");
  });
  it("says what is missing or no number", () => {
    const form = { ...formOf(undefined), name: "Upper", share: "a lot", budget: "much" };
    expect(Object.keys(read(form).wrong).sort()).toEqual(["budget", "name", "scorers", "share"]);
    const odd = { ...formOf(undefined), name: "r", scorers: [{ ...choice("exact"), optionsWrong: true }] };
    expect(Object.keys(read(odd).wrong)).toEqual(["scorers"]);
  });
  it("may be a schedule, which needs a suite and something to put it to", () => {
    const form = { ...formOf(told("schedule", { suite: "refunds", subject: "shop@production" })), hours: "0.5" };
    expect(Object.keys(read(form).wrong)).toEqual(["hours"]);
    const { spec } = read({ ...form, hours: "6", against: "steady", alone: true });
    expect(spec).toMatchObject({ kind: "schedule", every_hours: 6, against: "", alone: true, budget: "" });
    expect(ruleWords(told("schedule", { suite: "a", subject: "b", against: "c" }))).toBe(
      "a on b every 24 h, against c",
    );
  });
});
