import { expect, test } from "vitest";
import { parseWide, printWide } from "./wideJson";

test("what is wider than a double holds comes back digit by digit", () => {
  const text = '{"at":1790000000000000001,"deep":[{"hash":-9223372036854775807}],"small":12,"share":0.5}';
  expect(printWide(parseWide(text))).toBe(text);
});

test("digits within text are text, and fractions and powers are numbers", () => {
  const text = '{"id":"1790000000000000001","say":"\\"1790000000000000001\\"","x":1.5e300}';
  expect(printWide(parseWide(text))).toBe(
    '{"id":"1790000000000000001","say":"\\"1790000000000000001\\"","x":1.5e+300}',
  );
});

test("what is no JSON is refused", () => {
  expect(() => parseWide('{"a": 1790000000000000001')).toThrow(SyntaxError);
});
