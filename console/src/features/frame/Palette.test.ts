import { describe, expect, it } from "vitest";
import { sought } from "./Palette";

const items = [
  { label: "Reconciliation", words: "invoice compare provider" },
  { label: "Organisation", words: "identity provider" },
  { label: "Providers", words: "upstream" },
];

describe("what the palette finds", () => {
  it("begins with what is called so, and keeps the order of the rest", () => {
    expect(sought(items, "provid").map((item) => item.label)).toEqual(["Providers", "Reconciliation", "Organisation"]);
  });
  it("takes every word anywhere, and everything for none", () => {
    expect(sought(items, "provider identity").map((item) => item.label)).toEqual(["Organisation"]);
    expect(sought(items, "")).toEqual(items);
  });
});
