import { describe, expect, it } from "vitest";
import { bodyOf, check, formOf, type LimitForm, refusedModels } from "./limitForm";

const form = (change: Partial<LimitForm>): LimitForm => ({
  ...formOf(undefined),
  name: "spend",
  bound: "5",
  ...change,
});

describe("a limit's form", () => {
  it("wants a name and an amount that the measure knows", () => {
    expect(check(form({}))).toEqual({});
    expect(check(form({ name: "No Blanks" })).name).toBeDefined();
    expect(check(form({ bound: "0" })).bound).toBeDefined();
    expect(check(form({ bound: "0.5" }))).toEqual({});
    expect(check(form({ measure: "requests", bound: "0.5" })).bound).toBeDefined();
    expect(check(form({ measure: "requests", bound: "60" }))).toEqual({});
    expect(check(form({ unknownPrice: "amount", unknownAmount: "x" })).unknownAmount).toBeDefined();
  });
  it("names the models that it would refuse because nobody knows their price", () => {
    const model = (name: string, provider: string, known: boolean) => ({ name, provider, price: { known } });
    const models = [model("fast", "openai", true), model("own", "lab", false), model("other", "vllm", false)];
    const scope = formOf(undefined).scope;
    expect(refusedModels(form({}), models)).toEqual(["own", "other"]);
    expect(refusedModels(form({ scope: { ...scope, provider: ["lab"] } }), models)).toEqual(["own"]);
    expect(refusedModels(form({ scope: { ...scope, model: ["fast"] } }), models)).toEqual([]);
    expect(refusedModels(form({ mode: "soft" }), models)).toEqual([]);
    expect(refusedModels(form({ unknownPrice: "ignore" }), models)).toEqual([]);
    expect(refusedModels(form({ measure: "tokens" }), models)).toEqual([]);
  });
  it("sends no window for calls at once", () => {
    expect(bodyOf(form({ measure: "concurrency", bound: "8" }), undefined).window).toBe("none");
    expect(bodyOf(form({}), undefined).window).toBe("month");
  });
});
