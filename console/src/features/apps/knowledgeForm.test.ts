import { expect, test } from "vitest";
import { type Knowledge, knowledgeOf, rowOf, rowsOf } from "./knowledgeForm";

test("what a draft says of its knowledge reads back as it was", () => {
  const given: Knowledge[] = [
    "handbook",
    { corpus: "law", version: 3, top: 8, tokens: 500, mode: "words", on_failure: "answer_without" },
    { corpus: "news", follow: true, least: 0.25, query: "{{ previous }} {{ question }}", timeout_ms: 500 },
  ];
  expect(knowledgeOf(rowsOf(given))).toEqual({ knowledge: given, error: "" });
  expect(knowledgeOf(rowsOf(undefined))).toEqual({ knowledge: [], error: "" });
});

test("a corpus that is followed has no version, and rows without a name say nothing", () => {
  expect(knowledgeOf([{ ...rowOf("a"), version: "3", when: "follow" }]).knowledge).toEqual([
    { corpus: "a", follow: true },
  ]);
  expect(knowledgeOf([rowOf(" ")]).knowledge).toEqual([]);
});

test("what is no number, and what stands twice, is told", () => {
  expect(knowledgeOf([{ ...rowOf("a"), top: "many" }]).error).toContain("“many” is no number");
  expect(knowledgeOf([{ ...rowOf("a"), top: "1.5" }]).error).toContain("top");
  expect(knowledgeOf([rowOf("a"), rowOf("a")]).error).toBe("a stands twice.");
});
