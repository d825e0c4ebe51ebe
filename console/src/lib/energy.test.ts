import { describe, expect, it } from "vitest";
import { formatCo2, formatWh } from "./energy";

describe("energy and carbon", () => {
  it("are a range in one unit, by its upper end", () => {
    expect(formatWh(0.000889, 0.00159)).toBe("0.889–1.59 mWh");
    expect(formatWh(0.862, 2.03)).toBe("0.862–2.03 Wh");
    expect(formatWh(900, 12_345)).toBe("0.9–12.3 kWh");
    expect(formatCo2(0.0004, 0.0007)).toBe("0.4–0.7 mg CO₂e");
    expect(formatCo2(0.00000012, 0.00000034)).toBe("0.00012–0.00034 mg CO₂e");
  });
  it("are nothing where nothing was used, and one number where both ends agree", () => {
    expect(formatWh(0, 0)).toBe("0 Wh");
    expect(formatCo2(2, 2)).toBe("2 g CO₂e");
  });
});
