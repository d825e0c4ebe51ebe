import { describe, expect, it } from "vitest";
import type { AppSpec } from "@/api/releaseTypes";
import { formOf, kindOf, printValue, readValue, specOf } from "./draftForm";

const FULL: AppSpec = {
  description: "Answers customers",
  prompt: "support@production",
  route: "smart",
  parameters: { temperature: 0.2, stop: ["\n"] },
  policy: { refund_limit: 50, note: "50" },
  variables: { tone: "friendly", strict: true, empty: "" },
  tools: [{ type: "function", function: { name: "find_order" } }],
  output_schema: { type: "object" },
  context: { max_tokens: 800 },
  cache: { mode: "exact" },
  metadata: { owner: "desk" },
  guards: ["pii", "keys@3"],
  knowledge: ["handbook", { corpus: "law", follow: true }],
};

describe("a value as it is typed", () => {
  it.each([50, "50", "", " a ", "null", null, true, "true", [1], { a: "b" }, "plain words", "2 < 3"])(
    "reads back as what it was: %j",
    (value) => {
      expect(readValue(printValue(value))).toEqual(value);
    },
  );
  it("has quotes only where the bare text would be something else", () => {
    expect(printValue("friendly")).toBe("friendly");
    expect(printValue("50")).toBe('"50"');
  });
  it("is told apart in words", () => {
    expect([kindOf("50"), kindOf('"50"'), kindOf("[1]"), kindOf("true"), kindOf("{}")]).toEqual([
      "number",
      "text",
      "list",
      "yes or no",
      "object",
    ]);
  });
});

describe("a draft", () => {
  it("is the same after it went through the form", () => {
    expect(specOf(formOf(FULL), FULL)).toEqual({ spec: FULL, errors: {} });
  });
  it("is guarded by what is listed, and by nothing where nothing is", () => {
    expect(specOf({ ...formOf(FULL), guards: ["pii"] }, FULL).spec.guards).toEqual(["pii"]);
    expect(specOf({ ...formOf(FULL), guards: [] }, FULL).spec.guards).toBeUndefined();
  });
  it("keeps a tree of its own as a tree", () => {
    const spec: AppSpec = { ...FULL, route: { node: "fallback", of: ["fast", "cheap"] } };
    expect(formOf(spec).routeKind).toBe("tree");
    expect(specOf(formOf(spec), spec).spec.route).toEqual(spec.route);
  });
  it("leaves to the prompt what was emptied, and keeps an empty list of tools as none", () => {
    const emptied = specOf({ ...formOf(FULL), tools: "", outputSchema: " ", prompt: "" }, FULL).spec;
    expect(emptied).not.toHaveProperty("tools");
    expect(emptied).not.toHaveProperty("output_schema");
    expect(emptied).not.toHaveProperty("prompt");
    expect(specOf({ ...formOf(FULL), tools: "[]" }, FULL).spec.tools).toEqual([]);
  });
  it("names the field that cannot be read", () => {
    const form = formOf(FULL);
    expect(specOf({ ...form, tools: "{}" }, FULL).errors.tools).toContain("list");
    expect(specOf({ ...form, cache: "{" }, FULL).errors.cache).toBeTruthy();
    expect(specOf({ ...form, routeKind: "tree", tree: "" }, FULL).errors.tree).toContain("tree");
    const twice = [
      { name: "tone", value: "a" },
      { name: "tone", value: "b" },
    ];
    expect(specOf({ ...form, variables: twice }, FULL).errors.variables).toBe("tone stands twice.");
    expect(specOf({ ...form, policy: [{ name: "", value: "1" }] }, FULL).errors.policy).toContain("no name");
  });
  it("forgets rows that were left empty", () => {
    expect(specOf({ ...formOf(FULL), metadata: [{ name: "", value: "" }] }, FULL).spec.metadata).toEqual({});
  });
});

describe("a whole number that cannot be kept exactly", () => {
  it("is refused where it stands, typed or read from the server, and not saved as another", () => {
    const form = formOf({ ...FULL, parameters: JSON.parse('{"seed": 9007199254740993}') });
    const { errors } = specOf({ ...form, outputSchema: '{"maximum": 12345678901234567890}' }, FULL);
    expect(Object.keys(errors)).toEqual(["parameters", "outputSchema"]);
    expect(errors.parameters).toContain("beyond 2^53");
    expect(specOf(formOf({ ...FULL, parameters: { seed: 9007199254740991 } }), FULL).errors).toEqual({});
  });
});
