import { expect, test } from "vitest";
import type { ScoreView } from "@/api/types";
import { findingsAt, flagged, formatScore, ordered } from "./scores";

const score = (id: string, more: Partial<ScoreView> = {}): ScoreView => ({
  id,
  target: "span",
  trace_id: "t",
  span_id: "s1",
  session: "",
  name: "n",
  value: 1,
  label: "",
  explanation: "",
  source: "detector",
  evaluator: "",
  evaluator_version: "",
  author: "",
  at: 1,
  supersedes: "",
  valid: true,
  withheld: false,
  ...more,
});

test("findings are what detectors say of that very span, as long as it holds", () => {
  const all = [
    score("a"),
    score("b", { span_id: "s2" }),
    score("c", { valid: false }),
    score("d", { source: "human" }),
  ];
  expect(findingsAt(all, "s1").map((s) => s.id)).toEqual(["a"]);
  expect([...flagged(all)].sort()).toEqual(["s1", "s2"]);
});

test("the selected span's scores come first, then the trace's, the newest before the older", () => {
  const all = [
    score("other", { span_id: "s2" }),
    score("old"),
    score("trace", { span_id: "", target: "trace" }),
    score("new", { at: 9 }),
  ];
  expect(ordered(all, "s1").map((s) => s.id)).toEqual(["new", "old", "trace", "other"]);
});

test("a score is shown as short as it is", () => {
  expect(formatScore({ value: 1, label: "" })).toBe("1");
  expect(formatScore({ value: 1 / 3, label: "ok" })).toBe("0.333 (ok)");
  expect(formatScore({ value: null, label: "good" })).toBe("good");
});
