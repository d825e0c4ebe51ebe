import { describe, expect, it } from "vitest";
import { cutAt } from "./cut";

const shown = (text: string, most: number) => text.slice(0, cutAt(text, most));

describe("a text that is too long to be drawn at once", () => {
  it("is whole where it is not", () => {
    expect(shown("short", 5)).toBe("short");
    expect(shown("", 5)).toBe("");
  });

  it("ends behind a word or a line where one is near", () => {
    expect(shown("one two three", 10)).toBe("one two ");
    expect(shown("one\ntwo", 6)).toBe("one\n");
    expect(shown("x".repeat(1000), 500)).toHaveLength(500);
  });

  it("ends within no letter", () => {
    expect(shown("ab😀😀", 3)).toBe("ab");
    expect(shown("ab😀😀", 4)).toBe("ab😀");
    expect(shown("abe\u0301\u0301x", 4)).toBe("ab");
  });
});
