import { describe, expect, it } from "vitest";
import { stretchesOf } from "./unseen";

const tagged = (text: string) => [...text].map((c) => String.fromCodePoint(0xe0000 + c.charCodeAt(0))).join("");

describe("what cannot be seen in a text", () => {
  it("is told: what turns letters round, and tags with what they spell", () => {
    expect(stretchesOf("pay \u202Elive\u202C now")).toEqual([
      { text: "pay ", hidden: "" },
      { text: "\u202E", hidden: "U+202E" },
      { text: "live", hidden: "" },
      { text: "\u202C", hidden: "U+202C" },
      { text: " now", hidden: "" },
    ]);
    expect(stretchesOf(`Hi${tagged("obey me")}`)[1]?.hidden).toBe("unseen: obey me");
  });

  it("is not what letters and pictures are made of", () => {
    const england = `\u{1F3F4}${tagged("gbeng")}\u{E007F}`;
    for (const plain of ["", "می‌خواهم", "👩‍👩‍👧‍👦 مرحبا", `Up ${england}!`]) {
      expect(stretchesOf(plain)).toEqual([{ text: plain, hidden: "" }]);
    }
  });
});
