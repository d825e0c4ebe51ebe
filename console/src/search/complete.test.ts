import { describe, expect, it } from "vitest";
import { splitLastWord, suggest } from "./complete";

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
    expect(suggest("mo", facets).map((s) => s.text)).toEqual(["model:"]);
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
  it("finds the word being typed", () => {
    expect(splitLastWord("status:ok mod")).toEqual(["status:ok ", "mod"]);
    expect(splitLastWord('a "two wo')).toEqual(["a ", '"two wo']);
    expect(splitLastWord("model:(a OR b")).toEqual(["", "model:(a OR b"]);
    expect(splitLastWord("done ")).toEqual(["done ", ""]);
  });
});
