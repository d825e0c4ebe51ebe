import { describe, expect, it } from "vitest";
import type { Criterion } from "@/api/reviewTypes";
import { choicesOf, dueWords, missing, nextOf, press, pressing } from "./rubric";

const CRITERIA: Criterion[] = [
  { name: "correct" },
  { name: "tone", kind: "scale", low: 1, high: 3, required: false },
  { name: "why", kind: "text", required: false },
  { name: "kind", kind: "choice", choices: ["refund", "delivery"], question: "What is it about?" },
];

describe("a rubric", () => {
  it("offers what a digit can choose", () => {
    expect(CRITERIA.map((each) => choicesOf(each).map((choice) => choice.label))).toEqual([
      ["pass", "fail"],
      ["1", "2", "3"],
      [],
      ["refund", "delivery"],
    ]);
  });
  it("is answered question after question by digits, texts aside", () => {
    let answers = {};
    for (const digit of [2, 3, 1]) answers = press(CRITERIA, answers, nextOf(CRITERIA, answers), digit);
    expect(answers).toEqual({ correct: false, tone: 3, kind: "refund" });
    expect(press(CRITERIA, answers, nextOf(CRITERIA, answers), 2)).toEqual({
      correct: false,
      tone: 3,
      kind: "delivery",
    });
  });
  it("takes no digit that stands for nothing", () => {
    const answers = {};
    expect(press(CRITERIA, answers, 0, 3)).toBe(answers);
    expect(press([], answers, nextOf([], answers), 1)).toBe(answers);
  });
  it("says which required answers lack; a fail is an answer", () => {
    expect(missing(CRITERIA, {})).toEqual(["correct", "What is it about?"]);
    expect(missing(CRITERIA, { correct: false, kind: "refund" })).toEqual([]);
  });
});

describe("an item", () => {
  it("says how long there is, and what is late", () => {
    const now = 1e12;
    expect(dueWords(now + 45_000, now)).toEqual({ text: "due in 45 s", late: false });
    expect(dueWords(now + 3 * 3_600_000, now).text).toBe("due in 3 h");
    expect(dueWords(now - 600_000, now)).toEqual({ text: "10 min late", late: true });
    expect(dueWords(null, now).text).toBe("");
  });
});

describe("the list of items", () => {
  it("begins with what is most pressing, as the server hands it out", () => {
    const item = (id: string, priority: number, due: number | null) => ({ id, priority, due });
    const given = [item("d", 0, null), item("c", 0, 9), item("b", 0, 5), item("a", 3, null)];
    expect(pressing(given).map((each) => each.id)).toEqual(["a", "b", "c", "d"]);
  });
});
