import { expect, test } from "vitest";
import { diffParams, diffText } from "./diff";

const only = (pieces: ReturnType<typeof diffText>, without: string) =>
  pieces
    .filter((piece) => piece.kind !== without)
    .map((piece) => piece.text)
    .join("");

test("either text can be read back from a diff, whatever they are", () => {
  const texts = [
    "",
    "a",
    "The quick brown fox.",
    "The slow brown fox!",
    "one\ntwo\nthree",
    "one\n2\nthree",
    "naïve 订单 x",
  ];
  for (const a of texts) {
    for (const b of texts) {
      const pieces = diffText(a, b);
      expect(only(pieces, "added")).toBe(a);
      expect(only(pieces, "removed")).toBe(b);
    }
  }
});

test("a changed word is one removal and one addition, the rest is the same", () => {
  expect(diffText("refund within 30 days", "refund within 14 days")).toEqual([
    { kind: "same", text: "refund within " },
    { kind: "removed", text: "30" },
    { kind: "added", text: "14" },
    { kind: "same", text: " days" },
  ]);
});

test("what went and what came of a rewritten sentence are read as wholes, not word by word in turns", () => {
  expect(diffText("Can I pay by invoice?", "What of the weather?")).toEqual([
    { kind: "removed", text: "Can I pay by invoice" },
    { kind: "added", text: "What of the weather" },
    { kind: "same", text: "?" },
  ]);
});

test("long texts are compared by lines, very long ones as wholes", () => {
  const lines = Array.from({ length: 1_900 }, (_, i) => `line ${i}\n`);
  const other = lines.map((line, i) => (i === 900 ? "other\n" : line));
  expect(diffText(lines.join(""), other.join("")).filter((piece) => piece.kind !== "same")).toEqual([
    { kind: "removed", text: "line 900\n" },
    { kind: "added", text: "other\n" },
  ]);
  expect(diffText(`${"x\n".repeat(3_000)}a`, `${"y\n".repeat(3_000)}b`)).toHaveLength(2);
});

test("parameters that differ are named with both values", () => {
  expect(diffParams({ temperature: 0, top_p: 1, stop: ["x"] }, { temperature: 0.5, top_p: 1 })).toEqual([
    ["stop", '["x"]', "–"],
    ["temperature", "0", "0.5"],
  ]);
});
