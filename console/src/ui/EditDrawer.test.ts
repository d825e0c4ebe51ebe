import { describe, expect, it } from "vitest";
import { ApiProblem } from "@/api/client";
import { unlessChanged } from "./EditDrawer";

describe("what has no revision", () => {
  it("is saved while it is what it was when the form was opened, or is new", () => {
    expect(() => unlessChanged({ bound: "5", per: ["key"] }, { bound: "5", per: ["key"] })).not.toThrow();
    expect(() => unlessChanged({ bound: "" }, undefined)).not.toThrow();
  });

  it("is not written over once somebody else changed it", () => {
    expect(() => unlessChanged({ bound: "5", per: ["key"] }, { bound: "5", per: ["key", "user"] })).toThrow(ApiProblem);
  });
});
