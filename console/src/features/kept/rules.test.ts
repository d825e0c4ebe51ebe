import { describe, expect, it } from "vitest";
import type { RetentionRule } from "@/api/types";
import { askedOf, bodyOf, check, draftOf } from "./rules";

const RULES: RetentionRule[] = [
  { kind: "content", days: 30, source: "config" },
  { kind: "spans", days: 180, source: "catalog" },
  { kind: "scores", days: null, source: "default" },
  { kind: "ledger", days: null, source: "default" },
];

describe("rules of retention", () => {
  it("are edited as days, empty for ever, and sent whole but for what the config file says", () => {
    const draft = { ...draftOf(RULES), scores: " 7 " };
    expect(draft).toEqual({ content: "30", spans: "180", scores: " 7 ", ledger: "" });
    expect(check(draft)).toEqual({});
    expect(bodyOf(draft, RULES)).toEqual({ spans: 180, scores: 7, ledger: "keep" });
    expect(askedOf(draft)).toEqual({ content: "30", spans: "180", scores: "7", ledger: "keep" });
  });
  it("name what is not a number of days", () => {
    for (const wrong of ["0", "-1", "1.5", "soon", "36501"]) {
      expect(Object.keys(check({ ...draftOf(RULES), spans: wrong }))).toEqual(["spans"]);
    }
  });
});
