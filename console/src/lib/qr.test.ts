import { describe, expect, it } from "vitest";
import { fits, type QrCode, qrOf, qrPath } from "./qr";

/** The words of a version 1 code (no alignment patterns), read back as a reader does: unmasked, column by column. */
function wordsOf(code: QrCode): number[] {
  const end = code.size - 1;
  const isFixed = (x: number, y: number) =>
    (x < 9 && y < 9) || (x > end - 8 && y < 9) || (x < 9 && y > end - 8) || x === 6 || y === 6;
  // The mask is the three bits behind the level in the format, turned over by 101.
  const mask = (bit(code, 2, 8) * 4 + bit(code, 3, 8) * 2 + bit(code, 4, 8)) ^ 0b101;
  expect(mask).toBe(2);
  const bits: number[] = [];
  let upwards = true;
  for (const right of [20, 18, 16, 14, 12, 10, 8, 5, 3, 1]) {
    for (let step = 0; step <= end; step++) {
      const y = upwards ? end - step : step;
      for (const x of [right, right - 1]) {
        if (!isFixed(x, y)) bits.push(bit(code, x, y) ^ (x % 3 === 0 ? 1 : 0));
      }
    }
    upwards = !upwards;
  }
  return Array.from({ length: bits.length >> 3 }, (_, at) =>
    bits.slice(8 * at, 8 * at + 8).reduce((value, each) => 2 * value + each, 0),
  );
}

const bit = (code: QrCode, x: number, y: number) => (code.isDark(x, y) ? 1 : 0);
const row = (code: QrCode, y: number) => Array.from({ length: code.size }, (_, x) => bit(code, x, y)).join("");
const lines = (code: QrCode) => Array.from({ length: code.size }, (_, y) => row(code, y));

describe("QR codes", () => {
  it("hold mode, length, bytes, padding and error correction", () => {
    // The bytes of error correction are what a reader of its own (ZXing) accepted without a correction.
    const data = [0x40, 0x26, 0x86, 0x90, 0xec, 0x11, 0xec, 0x11, 0xec, 0x11, 0xec, 0x11, 0xec, 0x11, 0xec, 0x11];
    const check = [0x11, 0xa0, 0x4d, 0xc1, 0x79, 0x9b, 0x05, 0x85, 0xf5, 0xda];
    expect(wordsOf(qrOf("hi"))).toEqual([...data, ...check]);
  });
  it("take the smallest version that holds the text", () => {
    const sides = [14, 15, 26, 42, 62, 84, 106, 122, 152, 180, 213].map((bytes) => qrOf("x".repeat(bytes)).size);
    expect(sides).toEqual([21, 25, 25, 29, 33, 37, 41, 45, 49, 53, 57]);
    expect(qrOf("é".repeat(7)).size).toBe(21);
    expect(fits("x".repeat(213))).toBe(true);
    expect(fits("é".repeat(107))).toBe(false);
    expect(() => qrOf("x".repeat(214))).toThrow(RangeError);
  });
  it("have finders in three corners, timing between them, and say their version from 7 on", () => {
    const code = qrOf("x".repeat(120));
    const drawn = lines(code);
    expect(drawn.slice(0, 7).map((line) => line.slice(0, 8))).toEqual([
      "11111110",
      "10000010",
      "10111010",
      "10111010",
      "10111010",
      "10000010",
      "11111110",
    ]);
    expect(drawn.slice(-7).map((line) => line.slice(0, 7))).toEqual(drawn.slice(0, 7).map((line) => line.slice(0, 7)));
    expect(row(code, 6).slice(8, -8)).toBe("10101010101010101010101010101");
    // Version 7 in table D.1: 000111 110010 010100, the lowest bit in the upper left of its block.
    const version = Array.from({ length: 18 }, (_, at) => bit(code, 34 + (at % 3), Math.floor(at / 3)));
    expect(version.reverse().join("")).toBe("000111110010010100");
  });
  it("are drawn module by module", () => {
    const code = qrOf("hi");
    const dark = lines(code).join("").replaceAll("0", "").length;
    expect(qrPath(code).split("M").length - 1).toBe(dark);
    expect(qrPath(code).startsWith("M0 0h1v1h-1z")).toBe(true);
  });
});
