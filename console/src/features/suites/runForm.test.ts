import { describe, expect, it } from "vitest";
import { bounds, wrongBounds } from "./runForm";

describe("a run's bounds", () => {
  it("leave to the suite what is not said", () => {
    expect(wrongBounds({ cases: " ", budget: "" })).toEqual({});
    expect(bounds({ cases: " ", budget: "" })).toEqual({});
    expect(bounds({ cases: "20", budget: " 0.50 " })).toEqual({ cases: 20, budget: "0.50" });
  });
  it("say what cannot be meant", () => {
    expect(Object.keys(wrongBounds({ cases: "0", budget: "0" }))).toEqual(["cases", "budget"]);
    expect(Object.keys(wrongBounds({ cases: "1.5", budget: "a lot" }))).toEqual(["cases", "budget"]);
  });
});
