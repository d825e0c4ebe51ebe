import { describe, expect, it } from "vitest";
import { asksServer, splitLastWord, suggest, suggestionsOf } from "./complete";

const facets = [
  {
    key: "model",
    values: [
      { value: "gpt-4o", count: 1200 },
      { value: "two words", count: 3 },
    ],
  },
];

describe("completion", () => {
  it("offers keys first, then values with their counts", () => {
    expect(suggest("mo", facets).map((s) => s.text)).toEqual(["model:", "model_used:"]);
    expect(suggest("model:", facets).map((s) => [s.label, s.hint, s.text])).toEqual([
      ["gpt-4o", "1,200", "model:gpt-4o"],
      ["two words", "3", 'model:"two words"'],
    ]);
  });
  it("keeps the minus sign", () => {
    expect(suggest("-stat", facets)[0]?.text).toBe("-status:");
    expect(suggest("-status:er", facets)[0]?.text).toBe("-status:error");
  });
  it("offers nothing for words that name nothing", () => {
    expect(suggest("refund", facets)).toEqual([]);
    expect(suggest("nokey:a", facets)).toEqual([]);
  });
  it("puts what the server offers in the place of what was typed", () => {
    const item = { text: "gpt-4o", label: "gpt-4o", about: "", kind: "value" as const, done: true, count: 1200 };
    const completion = { start: 16, end: 18, items: [item] };
    expect(suggestionsOf(completion, "status:ok -model:gp".slice(1), "-model:gp", "")).toEqual([
      { label: "gpt-4o", hint: "1,200", text: "-model:gpt-4o", done: true },
    ]);
    expect(suggestionsOf({ ...completion, start: 2, end: 3 }, "status:ok a", "a", "")).toEqual([]);
    expect(["model:", "-tool:x", "meta.te", "score."].every(asksServer)).toBe(true);
    expect(["mod", "refund", "-", ""].some(asksServer)).toBe(false);
  });
  it("finds the word being typed", () => {
    expect(splitLastWord("status:ok mod")).toEqual(["status:ok ", "mod"]);
    expect(splitLastWord('a "two wo')).toEqual(["a ", '"two wo']);
    expect(splitLastWord("model:(a OR b")).toEqual(["", "model:(a OR b"]);
    expect(splitLastWord("done ")).toEqual(["done ", ""]);
  });
});
