import { describe, expect, it } from "vitest";
import {
  actedOf,
  coded,
  didWords,
  fieldWords,
  foundWords,
  stagesOf,
  stoppedOf,
  stopper,
  unreadWords,
  weighed,
  whereWords,
} from "./words";

const line = (action: string, mode = "enforce", failed = "", unread: Record<string, number> = {}) => ({
  action,
  mode,
  failed,
  unread,
});

describe("what guards did, in words", () => {
  it("never says of a shadow that it did something", () => {
    expect(didWords(line("block"))).toBe("stopped the call");
    expect(didWords(line("block", "shadow"))).toBe("would have stopped the call");
    expect(didWords(line("redact", "shadow"))).toMatch(/^would/);
  });
  it("finds who stopped the call: the last in force that stops", () => {
    const lines = [line("block", "shadow"), line("flag"), line("escalate"), line("block", "shadow")];
    expect(stopper(lines)).toBe(lines[2]);
    expect(stopper([line("flag"), line("block", "shadow")])).toBeUndefined();
  });
  it("puts what could not be told with what was found", () => {
    const [told, passed] = weighed([line("allow"), line("flag"), line("allow", "enforce", "timed out")]);
    expect([told.length, passed.length]).toEqual([2, 1]);
  });
  it("puts what could not be read with what was found, and counts it", () => {
    const [told] = weighed([line("allow"), line("allow", "enforce", "", { image: 2 })]);
    expect(told.map((each) => unreadWords(each.unread))).toEqual(["2 pictures"]);
    expect(unreadWords({ image: 1, audio: 2, file: 1 })).toBe("2 recordings, 1 file, 1 picture");
  });
  it("counts what it stopped apart from what it would have stopped", () => {
    expect(stoppedOf({ enforced: {}, would_have: { block: 14, allow: 79_986 } })).toEqual([
      { of: 80_000, stopped: 14, would: true },
    ]);
    expect(stoppedOf({ enforced: { escalate: 1, block: 2, flag: 7 }, would_have: {} })).toEqual([
      { of: 10, stopped: 3, would: false },
    ]);
    expect(stoppedOf({ enforced: {}, would_have: {} })).toEqual([]);
  });
  it("says where it holds", () => {
    expect(whereWords({ kind: "pii" })).toBe("apps that list it");
    expect(whereWords({ kind: "pii", applies_to: ["*"] })).toBe("everything");
    expect(whereWords({ kind: "pii", applies_to: ["support", "gpt-*"] })).toBe("support, gpt-*");
  });
  it("names stages in the order of a call, and findings by how many", () => {
    expect(stagesOf({ kind: "pii", stages: ["output", "input"] }, ["input"])).toEqual(["input", "output"]);
    expect(stagesOf({ kind: "pii" }, ["tool_result", "retrieved"])).toEqual(["retrieved", "tool_result"]);
    expect(foundWords({ iban: 1, aws_key: 2 })).toBe("2 aws key, 1 iban");
  });
  it("tells what holds where a version says nothing", () => {
    expect([fieldWords("mode", "shadow"), fieldWords("mode", null)]).toEqual(["shadow", "enforce"]);
    expect(fieldWords("options.kinds", ["email", "iban"])).toBe("email, iban");
    expect(fieldWords("options.kinds", null)).toBe("as by default");
    expect(fieldWords("threshold", 0.7)).toBe("0.7");
  });
  it("tells code from words in a description", () => {
    expect(coded("``kinds`` to\n    look for")).toEqual([
      { text: "kinds", code: true },
      { text: " to look for", code: false },
    ]);
  });
});

describe("what a guard came to", () => {
  it("is told by what it does: a redacting guard is not one that stops nothing", () => {
    const report = { enforced: { allow: 37, redact: 3 }, would_have: {} };
    expect(actedOf(report, "redact")).toEqual([{ would: false, did: [["redacted", 3]], of: 40 }]);
  });
  it("counts nothing of what it is set to do where it did nothing", () => {
    expect(actedOf({ enforced: {}, would_have: { allow: 5 } }, "escalate")).toEqual([
      { would: true, did: [["stopped", 0]], of: 5 },
    ]);
  });
  it("tells everything that it did, stops first", () => {
    const report = { enforced: { block: 1, escalate: 1, redact: 4 }, would_have: {} };
    expect(actedOf(report, "block")[0]?.did).toEqual([
      ["stopped", 2],
      ["redacted", 4],
    ]);
  });
});
