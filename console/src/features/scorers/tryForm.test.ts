import { describe, expect, it } from "vitest";
import { EMPTY, sampleOf } from "./tryForm";

describe("what a scorer is tried on", () => {
  it("has what was written, and an answer though it be empty", () => {
    expect(sampleOf(EMPTY)).toEqual({ value: { output: "" }, wrong: {} });
    expect(sampleOf({ ...EMPTY, output: "42", expected: "42", context: "one\n---\ntwo" }).value).toEqual({
      output: "42",
      expected: "42",
      context: ["one", "two"],
    });
  });
  it("reads an expectation as JSON only where it is an object or a list", () => {
    expect(sampleOf({ ...EMPTY, expected: '["a", "b"]' }).value.expected).toEqual(["a", "b"]);
    expect(sampleOf({ ...EMPTY, expected: "{not json" }).value.expected).toBe("{not json");
  });
  it("says what is no JSON where it must be", () => {
    expect(sampleOf({ ...EMPTY, tool_calls: "[" }).wrong).toEqual({ tool_calls: "This is not JSON." });
  });
});
