import { describe, expect, it } from "vitest";
import type { PreviewVariable, Variable } from "@/api/types";
import { readValue, startOf, valuesOf } from "./variables";

const one = (name: string, variable: Partial<Variable>): PreviewVariable => {
  const whole = { type: "string", description: "", enum: [], examples: [], ...variable } as Variable;
  return { name, variable: whole, required: !("default" in variable), source: "" };
};

describe("what a field says first", () => {
  it("is the default, else the first example, else the first that is allowed", () => {
    expect(startOf(one("a", { default: "x", examples: ["y"] }).variable)).toBe("x");
    expect(startOf(one("a", { examples: ["y"] }).variable)).toBe("y");
    expect(startOf(one("a", { enum: ["z", "w"] }).variable)).toBe("z");
    expect(startOf(one("a", {}).variable)).toBe("");
    expect(startOf(one("a", { type: "integer", default: 3 }).variable)).toBe("3");
    expect(startOf(one("a", { type: "array", examples: [["b"]] }).variable)).toBe('[\n  "b"\n]');
  });
});

describe("the value of a field", () => {
  it("has the type of its variable", () => {
    expect(readValue(one("a", { type: "integer" }), "12")).toEqual({ value: 12 });
    expect(readValue(one("a", { type: "number" }), "1.5")).toEqual({ value: 1.5 });
    expect(readValue(one("a", { type: "boolean" }), "true")).toEqual({ value: true });
    expect(readValue(one("a", { type: "object" }), '{"b": 1}')).toEqual({ value: { b: 1 } });
    expect(readValue(one("a", {}), "12")).toEqual({ value: "12" });
  });
  it("is refused in words where it is of another", () => {
    expect(readValue(one("a", { type: "integer" }), "1.5").error).toMatch("whole");
    expect(readValue(one("a", { type: "number" }), "many").error).toMatch("number");
    expect(readValue(one("a", { type: "array" }), "[").error).toMatch("not JSON");
    expect(readValue(one("a", { type: "array" }), "").error).toMatch("Give a value");
  });
  it("is left out where nothing was typed and nothing must be given", () => {
    expect(readValue(one("a", { default: "x" }), "")).toEqual({});
    expect(readValue(one("a", {}), "")).toEqual({ value: "" });
  });
});

it("all values are told apart from what is wrong", () => {
  const variables = [one("who", { examples: ["Ada"] }), one("age", { type: "integer" })];
  expect(valuesOf(variables, { age: "old" })).toEqual({
    values: { who: "Ada" },
    errors: { age: "This is not a number." },
  });
});
