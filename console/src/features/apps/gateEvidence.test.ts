import { describe, expect, it } from "vitest";
import { evidenceOf } from "./gateEvidence";

const DETAIL = {
  experiment: "ex_1",
  suite: "support",
  suite_hash: "sha256:1",
  dataset: "cases",
  version: 3,
  against: "support@r1",
  passed: true,
  says: "Not worse.",
  fresh_until: 5,
};

describe("a verdict at the gate", () => {
  it("of an experiment says which, and what it found", () => {
    const found = evidenceOf({ source: "evaluation:support", detail: JSON.stringify(DETAIL) });
    expect(found).toEqual({ ...DETAIL, refused: "" });
  });
  it("of anybody else is told as they told it", () => {
    expect(evidenceOf({ source: "ci", detail: JSON.stringify(DETAIL) })).toBeNull();
    expect(evidenceOf({ source: "evaluation:support", detail: "40 of 40 cases." })).toBeNull();
    expect(evidenceOf({ source: "evaluation:support", detail: "{}" })).toBeNull();
  });
});
