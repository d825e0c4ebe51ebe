import { describe, expect, it } from "vitest";
import { badName } from "./name";

describe("the rule of names", () => {
  it("takes what the server takes", () => {
    for (const name of ["a", "0", "support.eu_2-x", "a".repeat(64)]) expect(badName(name)).toBe("");
  });

  it("says what is wrong with anything else", () => {
    for (const name of ["", "-a", ".a", "Support", "a b", "a/b", "a".repeat(65)]) {
      expect(badName(name)).toContain("Up to 64 of a-z 0-9");
    }
  });
});
