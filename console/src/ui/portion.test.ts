import { describe, expect, it } from "vitest";
import { fitting, told } from "./portion";

describe("a long list", () => {
  const rows = ["Nightly import", "nightly report", "shop"];

  it("keeps what has each word, whatever its case and order", () => {
    expect(fitting(rows, "", String)).toEqual(rows);
    expect(fitting(rows, "  NIGHT ", String)).toEqual(rows.slice(0, 2));
    expect(fitting(rows, "report night", String)).toEqual(["nightly report"]);
    expect(fitting(rows, "nobody", String)).toEqual([]);
  });

  it("tells how many there are, or fit", () => {
    expect(told(1, "", "route")).toBe("1 route");
    expect(told(2000, "", "route")).toBe("2,000 routes");
    expect([told(1, "x", "route"), told(0, "x", "route")]).toEqual(["1 route fits", "0 routes fit"]);
  });
});
