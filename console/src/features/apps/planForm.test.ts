import { describe, expect, it } from "vitest";
import { check, firstPlan, type PlanForm, planOf } from "./planForm";

const canary = firstPlan(false);
const of = (change: Partial<PlanForm>): PlanForm => ({ ...canary, ...change });

describe("a plan", () => {
  it("is at once where nothing runs yet, and says nothing else then", () => {
    expect(planOf(firstPlan(true))).toEqual({ kind: "direct" });
  });
  it("of a canary has shares, seconds and calls", () => {
    expect(check(canary)).toEqual({});
    expect(planOf(canary)).toEqual({
      kind: "canary",
      sticky: "user",
      steps: [
        { share: 0.05, hold_s: 600, samples: 100 },
        { share: 0.25, hold_s: 1800, samples: 300 },
        { share: 0.5, hold_s: 3600, samples: 500 },
      ],
    });
  });
  it("grows from step to step", () => {
    const steps = [
      { share: "50", minutes: "1", samples: "0" },
      { share: "5", minutes: "1", samples: "0" },
    ];
    expect(check(of({ steps })).steps).toContain("grow");
    expect(check(of({ steps: [] })).steps).toContain("at least one");
    expect(check(of({ steps: [{ share: "x", minutes: "1", samples: "1" }] })).steps).toContain("percent");
  });
  it("of a shadow has its own budget", () => {
    expect(check(of({ kind: "shadow", budget: "much" })).budget).toBeTruthy();
    const plan = planOf(of({ kind: "shadow", share: "100", budget: "0.50" }));
    expect(plan).toEqual({ kind: "shadow", sticky: "user", share: 1, budget: "0.50" });
  });
  it("of an A/B test leaves somebody to compare with", () => {
    expect(check(of({ kind: "ab", share: "100" })).share).toContain("below 100");
    expect(planOf(of({ kind: "ab", share: "12.5" })).share).toBe(0.125);
  });
  it("by segments names at least one", () => {
    expect(check(of({ kind: "segments" })).segment).toBeTruthy();
    const form = of({
      kind: "segments",
      segment: { user: [], session: [], tags: ["internal"], key: [] },
      metadata: "team: red\nteam: blue\nnonsense",
    });
    expect(check(form)).toEqual({});
    expect(planOf(form).segment).toEqual({ tags: ["internal"], metadata: { team: ["red", "blue"] } });
  });
  it("takes rules as JSON only", () => {
    expect(check(of({ rules: "{" })).rules).toBeTruthy();
    expect(planOf(of({ rules: '{"alpha": 0.01}' })).rules).toEqual({ alpha: 0.01 });
  });
});
