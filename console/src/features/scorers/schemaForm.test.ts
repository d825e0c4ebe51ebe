import { describe, expect, it } from "vitest";
import { fieldsOf, read, written } from "./schemaForm";

const SCHEMA = {
  $ref: "#/$defs/Options",
  $defs: {
    Unit: { enum: ["words", "characters"] },
    Options: {
      title: "Options",
      type: "object",
      properties: {
        ignore_case: { type: "boolean", default: false },
        at_most: { anyOf: [{ type: "integer", minimum: 1 }, { type: "null" }], default: null },
        unit: { $ref: "#/$defs/Unit", default: "words" },
        any_of: { type: "array", items: { type: "string" }, default: [] },
        schema: { default: null, description: "What holds." },
        pattern: { type: "string" },
        weight: { type: "number", maximum: 1, default: 0.5 },
      },
      required: ["pattern"],
    },
  },
};
const fields = fieldsOf(SCHEMA);
const form = (over: Record<string, string | boolean | string[]>) => ({
  ...Object.fromEntries(fields.map((field) => [field.name, written(field, undefined)])),
  pattern: "x",
  ...over,
});

describe("a form out of a schema", () => {
  it("has a field for each option, in order, by what it takes", () => {
    expect(fields.map((field) => [field.name, field.kind, field.required, field.nullable])).toEqual([
      ["ignore_case", "switch", false, false],
      ["at_most", "integer", false, true],
      ["unit", "choice", false, false],
      ["any_of", "list", false, false],
      ["schema", "json", false, false],
      ["pattern", "text", true, false],
      ["weight", "number", false, false],
    ]);
    expect(fields[2]?.choices).toEqual(["words", "characters"]);
    expect(fields[4]?.about).toBe("What holds.");
  });
  it("offers what a list may hold, where that is told", () => {
    const [kinds] = fieldsOf({ properties: { kinds: { type: "array", items: { enum: ["shell", "sql"] } } } });
    expect([kinds?.kind, kinds?.choices]).toEqual(["list", ["shell", "sql"]]);
  });
  it("leaves out what is as by default", () => {
    expect(read(fields, form({}))).toEqual({ value: { pattern: "x" }, wrong: {} });
  });
  it("reads what was written in the type it has", () => {
    const { value, wrong } = read(
      fields,
      form({ ignore_case: true, at_most: "3", unit: "characters", any_of: ["a"], schema: '{"a": 1}' }),
    );
    expect(wrong).toEqual({});
    expect(value).toEqual({
      pattern: "x",
      ignore_case: true,
      at_most: 3,
      unit: "characters",
      any_of: ["a"],
      schema: { a: 1 },
    });
  });
  it("says what is wrong of each", () => {
    const { wrong } = read(fields, form({ pattern: " ", at_most: "0", schema: "{", weight: "2" }));
    expect(wrong).toEqual({
      pattern: "This is needed.",
      at_most: "At least 1.",
      schema: "This is not JSON.",
      weight: "At most 1.",
    });
    expect(read(fields, form({ at_most: "1.5", weight: "much" })).wrong).toEqual({
      at_most: "A whole number, please.",
      weight: "This is not a number.",
    });
  });
  it("writes what is there as people would", () => {
    const by = (name: string) => fields.find((field) => field.name === name) as (typeof fields)[number];
    expect(written(by("at_most"), 7)).toBe("7");
    expect(written(by("at_most"), null)).toBe("");
    expect(written(by("schema"), { a: [1] })).toBe('{\n  "a": [\n    1\n  ]\n}');
    expect(written(by("unit"), undefined)).toBe("words");
  });
});
