import { expect, test } from "vitest";
import type { SpanIO } from "@/api/types";
import { allowedWords, lookedUp } from "./sources";

const io = (params: object, texts: string[]) =>
  ({
    params,
    input: [{ role: "user", parts: [{ type: "text", text: "how long?" }] }],
    output: [{ role: "tool", parts: texts.map((text) => ({ type: "text", text })) }],
  }) as unknown as SpanIO;

test("each source has its text, and one that was left out has its reason", () => {
  const documents = [
    { id: "a", chunk: "a#0", number: 1, title: "A", score: 0.5, meaning: 0.4, words: null, stale: true },
    { id: "b", chunk: "b#0", number: 0, score: 0.9, left_out: "A guard." },
  ];
  const found = lookedUp(io({ corpus: "handbook", version: 3, follow: false, remarks: [], documents }, ["first"]));
  expect(found).toMatchObject({ corpus: "handbook", version: "3", follow: false, query: "how long?" });
  expect(found?.documents.map(({ id, text, left_out, stale }) => [id, text, left_out, stale])).toEqual([
    ["a", "first", "", true],
    ["b", "", "A guard.", false],
  ]);
});

test("why it was allowed is told, and is not made up of traces that do not say it", () => {
  const documents = [{ allowed: "group:people" }, { allowed: "" }, {}];
  const found = lookedUp(io({ corpus: "handbook", documents }, []));
  expect(found?.documents.map(allowedWords)).toEqual(["allowed by group:people", "open to whoever may search", ""]);
});

test("a retriever span from elsewhere is no such thing", () => {
  expect(lookedUp(io({}, ["x"]))).toBeNull();
  expect(lookedUp(io({ corpus: "c", documents: "many" }, []))).toBeNull();
});
