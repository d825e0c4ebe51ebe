import { describe, expect, it } from "vitest";
import { cacheWords, promptOf, refusalWords, shorterBy } from "./callNotes";

const LINE = {
  outcome: "hit",
  mode: "exact",
  reason: "",
  age_s: 90,
  similarity: null,
  saved: "0.0000141",
  first_request: "req_1",
};

describe("what the cache did", () => {
  it("is told with its age and what it saved", () => {
    expect(cacheWords(LINE)).toEqual({
      title: "Answered from the cache",
      detail: "exact cache, first answered 1 m 30 s before, $0.0000141 not paid again",
    });
    expect(cacheWords({ ...LINE, mode: "semantic", similarity: 0.9712, saved: null, age_s: 0 }).detail).toBe(
      "found by meaning, similarity 0.971, first answered less than a second before, what it saved is not known",
    );
  });
  it("is told with its reason where it did nothing", () => {
    const passed = { ...LINE, outcome: "bypass", mode: "", reason: "asked", saved: null };
    expect(cacheWords(passed)).toEqual({ title: "Passed by the cache", detail: "as the call asked" });
    expect(cacheWords({ ...LINE, outcome: "miss", saved: null }).detail).toBe("exact cache");
  });
});

describe("a prompt that was used", () => {
  it("is found by name and version", () => {
    expect(promptOf("support@3")).toEqual({ name: "support", version: "3" });
    expect(promptOf("support")).toEqual({ name: "support", version: "" });
    expect(promptOf("").name).toBe("");
  });
});

describe("a limit that refused", () => {
  const line = { limit: "l", measure: "money", reserved: "0", used: "0", left: "0.02", refused: true };
  it("tells what was asked of it, its bound, and when there is room again", () => {
    expect(refusalWords({ ...line, asked: "0.5", bound: "1", resets: 1_700_000_000_000 })).toMatch(
      /^Refused: up to \$0\.50 asked, the bound is \$1\.00, room again at .+/,
    );
  });
  it("tells no more than is known", () => {
    const places = { ...line, measure: "concurrency", left: "0", asked: null, bound: "4", resets: null };
    expect(refusalWords(places)).toBe("Refused: the bound is 4 at once");
  });
});

describe("a shorter conversation", () => {
  it("is told by its share", () => {
    expect(shorterBy(1000, 630)).toBe("−37 %");
    expect(shorterBy(1000, 1000)).toBe("not shorter");
  });
});
