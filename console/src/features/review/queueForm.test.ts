import { describe, expect, it } from "vitest";
import type { QueueSpec } from "@/api/reviewTypes";
import { criterionForm, formOf, read, ruleForm, STARTER } from "./queueForm";
import { ruleWords } from "./words";

const SPEC: QueueSpec = {
  description: "Refunds",
  instructions: "Look at the sources.",
  criteria: [
    { name: "correct", question: "Right?", kind: "pass_fail", required: true, judge: "judge:correct" },
    { name: "tone", question: "", kind: "scale", required: false, low: 1, high: 3 },
    { name: "about", question: "", kind: "choice", required: true, choices: ["a", "b"] },
  ],
  rules: [
    {
      name: "low",
      kind: "score",
      q: "app:support",
      share: 0.2,
      priority: 5,
      score: "tone",
      at_most: 0.4,
      at_least: null,
    },
    { name: "audit", kind: "random", q: "", share: 0.01, priority: 0 },
  ],
  answer_within_s: 14_400,
  double_share: 0.1,
  lease_s: 600,
  hide_scores: false,
  reviewers: ["key_1"],
  datasets: ["refunds"],
  holding: {
    rules: [{ model: "support*", words: ["refund"], tools: [] }],
    timeout_s: 60,
    wait_s: 5,
    fallback: "Later.",
    waiting: "Wait.",
  },
};

describe("a queue's form", () => {
  it("gives back what it was made of, and keeps what it does not show", () => {
    expect(read(formOf("refunds", SPEC), SPEC)).toEqual({ spec: SPEC, wrong: {} });
  });
  it("stops holding answers where that is switched off, and names what a rule of it lacks", () => {
    expect(read({ ...formOf("refunds", SPEC), holds: false }, SPEC).spec.holding).toBeNull();
    expect(read(formOf("audit", STARTER), STARTER).spec.holding).toBeUndefined();
    const odd = { ...formOf("audit", STARTER), holds: true, holdRules: [{ model: " ", words: [], tools: [] }] };
    expect(Object.keys(read({ ...odd, fallback: "", holdMinutes: "x" }, STARTER).wrong).sort()).toEqual([
      "fallback",
      "holdMinutes",
      "holds.0.model",
    ]);
  });
  it("names the datasets that reviewers may put cases into, and takes the last one away", () => {
    expect(read({ ...formOf("audit", STARTER), datasets: ["faq"] }, STARTER).spec.datasets).toEqual(["faq"]);
    expect(read(formOf("audit", STARTER), STARTER).spec.datasets).toBeUndefined();
    expect(read({ ...formOf("refunds", SPEC), datasets: [] }, SPEC).spec.datasets).toEqual([]);
  });
  it("begins with what can be saved", () => {
    expect(read(formOf("audit", STARTER), STARTER).wrong).toEqual({});
  });
  it("says what is wrong where it is", () => {
    const form = {
      ...formOf("Refunds!", SPEC),
      hours: "0",
      criteria: [
        criterionForm({ name: "a", kind: "scale", low: 3, high: 3 }),
        criterionForm({ name: "a", kind: "choice" }),
      ],
      rules: [
        ruleForm({ name: "s", kind: "score" }),
        ruleForm({ name: "f", kind: "search" }),
        { ...ruleForm({ name: "r", kind: "random" }), share: "0" },
      ],
    };
    expect(Object.keys(read(form, SPEC).wrong).sort()).toEqual([
      "criteria.0.high",
      "criteria.1.choices",
      "criteria.1.name",
      "hours",
      "name",
      "rules.0.atMost",
      "rules.0.score",
      "rules.1.q",
      "rules.2.share",
    ]);
  });
});

describe("rules in words", () => {
  it("say what they send", () => {
    expect((SPEC.rules ?? []).map(ruleWords)).toEqual(["20 % of tone at most 0.4 (app:support)", "1 % at random"]);
    expect(ruleWords({ name: "d", kind: "disputed", score: "tone" })).toBe("tone that differ by 0.5 or more");
    expect(ruleWords({ name: "s", kind: "search", q: "status:error" })).toBe("status:error");
  });
});
