import { describe, expect, it } from "vitest";
import { changesOf, deedOf } from "./changes";

describe("what an entry of the audit log says was changed", () => {
  it("is told field by field", () => {
    expect(changesOf({ bound: "60", per: ["key"], on: true }, { bound: "90", per: ["key"], on: false })).toEqual([
      { field: "bound", was: "60", is: "90" },
      { field: "on", was: "on", is: "off" },
    ]);
  });

  it("is nothing where the thing was made or removed, and where the log has only a hash of it", () => {
    const hash = { sha256: "ab", bytes: 30_000 };
    expect(changesOf(null, { bound: "60" })).toEqual([]);
    expect(changesOf({ bound: "60" }, null)).toEqual([]);
    expect(changesOf(hash, { bound: "60" })).toEqual([]);
    expect(changesOf({ bound: "60" }, hash)).toEqual([]);
  });

  it("is cut where a text is long", () => {
    const [change] = changesOf({ tree: "a" }, { tree: "b".repeat(1000) });
    expect(change?.is).toHaveLength(301);
  });

  it("is called what was done", () => {
    expect(["limit.changed", "guard_refusal.removed", "detectors.switched", "prompt.label_moved"].map(deedOf)).toEqual([
      "changed",
      "removed",
      "switched",
      "label moved",
    ]);
  });
});
