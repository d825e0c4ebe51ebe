import { describe, expect, it } from "vitest";
import type { Tally } from "@/api/redteam";
import { apartWords, boundsWords, costWords, FIRST_FORM, mostAttacks, runOf, saysOf, worstFirst } from "./figures";

const tally = (over: Partial<Tally>): Tally => ({
  attacks: 10,
  broken: 0,
  held: 0,
  refused: 0,
  blocked: 0,
  undecided: 0,
  errors: 0,
  rate: null,
  low: null,
  high: null,
  least: 0,
  most: 0,
  ...over,
});

describe("what became of attacks", () => {
  it("counts only what was decided, and never says nought of nothing", () => {
    expect(saysOf(tally({ broken: 2, held: 6, refused: 2 }))).toBe("2 of 8 that were decided broke through.");
    expect(saysOf(tally({ refused: 10 }))).toBe("None of 10 attacks could be decided.");
    expect(saysOf(tally({ attacks: 0 }))).toBe("No attack has been answered yet.");
  });
  it("tells what was apart, and what it could make of the rate", () => {
    expect(apartWords(tally({ refused: 3, blocked: 2, errors: 1 }))).toBe("3 refused, 2 blocked, 1 failed");
    expect(boundsWords(tally({ least: 0.2, most: 0.5 }))).toBe("20 % … 50 %");
    expect(boundsWords(tally({ least: 0, most: 0 }))).toBe("0 %");
  });
  it("puts what gave way most first, and what was not tested last", () => {
    const line = (name: string, ...tallies: Tally[]) => ({ name, title: name, tallies, untested: "" });
    const sorted = worstFirst([
      line("untested", tally({ attacks: 0 })),
      line("held", tally({ rate: 0 })),
      line("refused", tally({ refused: 10 })),
      line("broken", tally({ rate: 0.1 }), tally({ rate: 0.9 })),
    ]);
    expect(sorted.map((each) => each.name)).toEqual(["broken", "held", "refused", "untested"]);
  });
});

describe("a run as a form", () => {
  it("asks for what was written, and leaves out what was not", () => {
    const { run, wrong } = runOf({
      ...FIRST_FORM,
      first: "support@r2 ",
      seeds: "one\n---\ntwo\n---\n",
      budget: "2.50",
    });
    expect(wrong).toEqual({});
    expect(run).toEqual({
      subjects: ["support@r2"],
      families: [],
      attacks: 12,
      mutated: 0.3,
      seed: 1,
      budget: "2.50",
      seeds: ["one", "two"],
    });
  });
  it("counts attacks of all families where none is chosen, and one's own in every disguise", () => {
    expect(mostAttacks({ subjects: ["a"], families: [], attacks: 12 }, 10, 12)).toBe(120);
    expect(mostAttacks({ subjects: ["a"], families: ["leakage"], attacks: 4, seeds: ["x", "y"] }, 10, 12)).toBe(30);
  });
  it("names what cannot be", () => {
    const form = { ...FIRST_FORM, attacks: "0", mutated: "", seed: "1.5", budget: "much" };
    expect(Object.keys(runOf(form).wrong).sort()).toEqual(["attacks", "budget", "first", "mutated", "seed"]);
    expect(runOf({ ...FIRST_FORM, first: "a@r1", second: "a@r1" }).wrong).toEqual({ second: "The same as the first." });
  });
  it("says what it would cost, and of a price that nobody knows that", () => {
    const found = { attacks: 120, calls: 240, subjects: [], at_least: "0.42", budget: "", over_budget: false };
    expect(costWords({ ...found, cost: "0.42", unknown: [] })).toBe("240 calls, about $0.42");
    expect(costWords({ ...found, cost: null, unknown: ["the price of fast"] })).toBe(
      "240 calls; nobody knows the price of fast",
    );
  });
});
