import { describe, expect, it } from "vitest";
import { bodyOf, check, formOf, type LimitForm } from "./limitForm";

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
  it("sends no window for calls at once", () => {
    expect(bodyOf(form({ measure: "concurrency", bound: "8" }), undefined).window).toBe("none");
    expect(bodyOf(form({}), undefined).window).toBe("month");
  });
});
