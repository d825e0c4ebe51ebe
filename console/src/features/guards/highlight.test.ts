import { describe, expect, it } from "vitest";
import { pieces } from "./highlight";

const mark = (start: number, end: number, kind = "email") => ({ start, end, kind, score: 0.9 });
const told = (text: string, ...marks: ReturnType<typeof mark>[]) =>
  pieces(text, marks).map(({ text: part, kinds }) => [part, kinds.join("+")]);

describe("a text with findings", () => {
  it("is whole without any", () => {
    expect(told("plain")).toEqual([["plain", ""]]);
    expect(told("")).toEqual([]);
  });
  it("is cut where they begin and end", () => {
    expect(told("to a@b.c now", mark(3, 8))).toEqual([
      ["to ", ""],
      ["a@b.c", "email"],
      [" now", ""],
    ]);
  });
  it("counts characters as the server does, whatever JavaScript counts", () => {
    expect(told("👋🏽 a@b.c", mark(3, 8))).toEqual([
      ["👋🏽 ", ""],
      ["a@b.c", "email"],
    ]);
  });
  it("says both where two overlap, and loses nothing of the text", () => {
    const found = told("abcdef", mark(0, 4, "name"), mark(2, 6, "address"));
    expect(found).toEqual([
      ["ab", "name"],
      ["cd", "name+address"],
      ["ef", "address"],
    ]);
    expect(found.map(([text]) => text).join("")).toBe("abcdef");
  });
  it("keeps within the text", () => {
    expect(told("abc", mark(1, 99), mark(7, 9), mark(2, 2))).toEqual([
      ["a", ""],
      ["bc", "email"],
    ]);
  });
});
