import { describe, expect, it } from "vitest";
import type { CheckResultView } from "@/api/types";
import { commandOf, openOf, tableOf, toggled } from "./card";

const result = (check: string, front: string, outcome: CheckResultView["outcome"]): CheckResultView => ({
  check,
  front,
  outcome,
  evidence: `${check} ${front}`,
});
const RESULTS = [
  result("plain", "openai_chat", "pass"),
  result("plain", "gemini", "pass"),
  result("tools", "openai_chat", "pass"),
  result("tools", "gemini", "fail"),
  result("embeddings", "embeddings", "not_supported"),
];

describe("a capability card", () => {
  it("has a row per check and a column per front, and a gap where a check was not tried there", () => {
    const table = tableOf(RESULTS);
    expect(table.fronts).toEqual(["openai_chat", "gemini", "embeddings"]);
    expect(table.rows.map((row) => row.check)).toEqual(["plain", "tools", "embeddings"]);
    expect(table.rows[1]?.cells.map((cell) => cell?.outcome)).toEqual(["pass", "fail", undefined]);
    expect(table.counts).toEqual({ pass: 3, fail: 1, not_supported: 1, could_not_tell: 0 });
  });
  it("opens what failed unless the address says otherwise", () => {
    const { rows } = tableOf(RESULTS);
    expect([...openOf(undefined, rows)]).toEqual(["tools"]);
    expect([...openOf("plain,embeddings", rows)]).toEqual(["plain", "embeddings"]);
    expect(toggled(openOf(undefined, rows), "tools")).toBe("none");
    expect([...openOf("none", rows)]).toEqual([]);
    expect(toggled(openOf("none", rows), "plain")).toBe("plain");
  });
  it("is made by a command that can be pasted", () => {
    expect(commandOf("default", "fast", "http://127.0.0.1:4600")).toBe("trimtab conformance --model fast --save");
    expect(commandOf("shop", "team's best", "https://llm.example.com")).toBe(
      "trimtab conformance --model 'team'\\''s best' --save --project shop --url https://llm.example.com",
    );
  });
});
