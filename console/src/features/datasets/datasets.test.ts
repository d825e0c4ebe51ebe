import { describe, expect, it } from "vitest";
import type { Case } from "@/api/evaluationTypes";
import { APART, formOf, read } from "./caseForm";
import { contentText, inputLine, inputText, turnsOf, usesOf } from "./words";

const CHAT = {
  messages: [
    { role: "system", content: "You answer." },
    { role: "user", content: [{ type: "text", text: "Where is\norder 7?" }, { type: "image_url" }] },
  ],
  variables: { customer: "Ann" },
};
const CASE: Case = {
  id: "c1",
  input: "Where is my refund?",
  expected: "It is on its way.",
  context: ["Refunds take 5 days.", "Order 7 is refunded."],
  expected_tool_calls: [{ name: "find_order", arguments: { id: "7" } }],
  metadata: { lang: "en" },
  tags: ["refund"],
  split: "test",
  group: "ann",
  weight: 2,
  licence: "CC0-1.0",
  uses: ["evaluate", "tune"],
  consent: "given",
  pii: "redacted",
};

describe("a case in words", () => {
  it("is a text, or the messages of a chat", () => {
    expect(inputText("Hi")).toBe("Hi");
    expect(turnsOf("Hi")).toBeNull();
    expect(inputText(CHAT)).toBe("system: You answer.\n\nuser: Where is\norder 7?\n[image_url]");
    expect(inputText({ messages: [{ role: "user", content: "Only this" }] })).toBe("Only this");
    expect(inputText({ variables: { a: 1 } })).toBe('{\n  "a": 1\n}');
  });
  it("is in one line what the user says last", () => {
    expect(inputLine(CHAT)).toBe("Where is order 7? [image_url]");
    expect(inputLine("two\nlines")).toBe("two lines");
    expect(contentText(null)).toBe("");
  });
  it("may be evaluated with where nothing is said of its uses", () => {
    expect(usesOf({ id: "c", input: "x" })).toEqual(["evaluate"]);
  });
});

describe("a case's form", () => {
  it("gives back what it was made of", () => {
    expect(read(formOf(CASE))).toEqual({ value: CASE, wrong: {} });
    const { value } = read(formOf({ ...CASE, input: CHAT, expected: { intent: "where" } }));
    expect(value.input).toEqual(CHAT);
    expect(value.expected).toEqual({ intent: "where" });
  });
  it("leaves the id of a new one to the server, and an empty expectation is none", () => {
    const { value, wrong } = read({ ...formOf({}), input: "Hi" });
    expect(wrong).toEqual({});
    expect("id" in value).toBe(false);
    expect(value.expected).toBeNull();
    expect(value.context).toBeNull();
  });
  it("reads contexts apart at their lines", () => {
    expect(read({ ...formOf(CASE), context: `one${APART}two` }).value.context).toEqual(["one", "two"]);
  });
  it("says what is wrong where it is", () => {
    const { wrong } = read({
      ...formOf(CASE),
      input: "{",
      inputJson: true,
      metadata: "[]",
      toolCalls: "{}",
      weight: "0",
    });
    expect(Object.keys(wrong).sort()).toEqual(["input", "metadata", "toolCalls", "weight"]);
    expect(read({ ...formOf({}), input: "" }).wrong.input).toBe("What is asked is needed.");
  });
});
