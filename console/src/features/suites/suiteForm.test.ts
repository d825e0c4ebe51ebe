import { describe, expect, it } from "vitest";
import type { SuiteSpec } from "@/api/evaluationTypes";
import { EMPTY, formOf, read, scorerForm } from "./suiteForm";

const SPEC: SuiteSpec = {
  description: "What support answers",
  dataset: "support@3",
  split: "test",
  tags: ["refund"],
  scorers: [
    { scorer: "exact", at_least: 0.9, at_most: null, margin: 0.05, relative: false, required: true },
    {
      scorer: "judge:tone",
      name: "tone",
      options: { scale: 5 },
      at_least: null,
      at_most: null,
      margin: null,
      relative: false,
      required: false,
    },
  ],
  repeats: 3,
  against: "production",
  rule: "better",
  alpha: 0.01,
  cost_margin: 0.1,
  latency_margin: null,
  most_unscored: 0.07,
  most_errors: 0.05,
  budget: "2.50",
  concurrency: 4,
  freshness_days: 14,
};

describe("a suite's form", () => {
  it("gives back what it was made of", () => {
    expect(read(formOf("support", SPEC))).toEqual({ spec: SPEC, wrong: {} });
  });
  it("writes shares as percentages, exactly", () => {
    expect(formOf("support", SPEC).mostUnscored).toBe("7");
    expect(formOf("support", SPEC).costMargin).toBe("10");
  });
  it("says what lacks in an empty one", () => {
    expect(Object.keys(read(formOf("", EMPTY)).wrong)).toEqual(["name", "dataset", "scorers"]);
  });
  it("says what is wrong where it is", () => {
    const form = formOf("support", SPEC);
    const wrong = read({
      ...form,
      repeats: "0",
      budget: "much",
      scorers: [
        { ...scorerForm({ scorer: "exact" }), atLeast: "0.9", atMost: "0.5", margin: "0" },
        { ...scorerForm({ scorer: "exact" }), margin: "x", optionsWrong: true },
      ],
    }).wrong;
    expect(Object.keys(wrong).sort()).toEqual([
      "budget",
      "repeats",
      "scorers.0.atMost",
      "scorers.0.margin",
      "scorers.1.margin",
      "scorers.1.name",
      "scorers.1.options",
    ]);
  });
  it("means the newest version where none is named", () => {
    expect(read({ ...formOf("s", SPEC), version: "" }).spec.dataset).toBe("support");
  });
});
