import { describe, expect, it } from "vitest";
import { inShape } from "./JsonInput";
import { roundedIn } from "./wholeNumbers";

describe("whole numbers", () => {
  it("are found where reading JSON may have rounded them, however deep", () => {
    expect(roundedIn(JSON.parse('{"a": [1, {"seed": 9007199254740993}]}'))).toBe(9007199254740992);
    expect(roundedIn(JSON.parse("-9007199254740993"))).toBe(-9007199254740992);
    expect(roundedIn(JSON.parse('{"a": 9007199254740991, "b": 0.1, "c": "9007199254740993", "d": null}'))).toBe(
      undefined,
    );
  });
  it("are left as they were typed when a field is put in shape", () => {
    const text = '{"seed": 9007199254740993}';
    expect(inShape(text)).toBe(text);
    expect(inShape('{"seed":7}')).toBe('{\n  "seed": 7\n}');
  });
});
