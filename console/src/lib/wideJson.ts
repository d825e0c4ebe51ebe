/**
 * JSON whose whole numbers may be wider than a double holds (nanoseconds, hashes): they travel through JavaScript as
 * marked text, so that what nobody touched is sent back digit by digit.
 */

const MARK = "int:";
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;
const MARKED = /"int:(-?\d{16,})"/g;

/** Parses, with wide whole numbers as marked text. Raises `SyntaxError` as `JSON.parse` does. */
export function parseWide(text: string): unknown {
  return JSON.parse(text.replace(TOKENS, (token) => (token.startsWith('"') ? token : `"${MARK}${token}"`)));
}

/** The reverse of `parseWide`, indented for people where asked for. */
export function printWide(value: unknown, indent?: number): string {
  return (JSON.stringify(value, null, indent) ?? "null").replace(MARKED, "$1");
}
