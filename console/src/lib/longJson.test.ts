import { describe, expect, it } from "vitest";
import { RowReader, readRows } from "./longJson";

const TRICKY = [
  'a quote ", a bracket ] and a comma, in words',
  '{"spans":[',
  "\\",
  '\\"',
  "ends in two \\\\",
  "\u2028 שלום 👩‍👩‍👧 e\u0301",
  "",
];
const whole = (spans: unknown[]) => ({
  trace_id: '"spans":[',
  tokens: { spans: [[1], 2], total: 3 },
  lists: [["spans"], []],
  spans,
  cost: null,
  after: [{ spans: [TRICKY] }, "]}"],
});

function fed(text: string, size: number): object {
  const reader = new RowReader("spans");
  for (let at = 0; at < text.length; at += size) reader.feed(text.slice(at, at + size));
  return reader.done();
}

function streamed(text: string, size: number): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + size));
      at += size;
    },
  });
}

describe("an object with a long list", () => {
  const rows = TRICKY.map((text, i) => ({ id: i, text, inner: [text, { text }], n: 1.5e-7 - i }));

  it.each([1, 2, 3, 7, 64, 100_000])("is what JSON.parse makes of it, fed %i characters at a time", (size) => {
    for (const value of [whole(rows), whole([]), whole([1]), whole(TRICKY), {}, { spans: [] }, { other: [1, 2] }]) {
      expect(fed(JSON.stringify(value), size)).toEqual(value);
      expect(fed(JSON.stringify(value, null, 2), size)).toEqual(value);
    }
  });

  it("is read from a stream whose pieces end within letters", async () => {
    const value = whole(rows);
    for (const size of [1, 5, 4096])
      expect(await readRows(streamed(JSON.stringify(value), size), "spans")).toEqual(value);
  });

  it("keeps thousands of rows in their order, in portions or not", async () => {
    const value = whole(Array.from({ length: 5000 }, (_, i) => ({ i, text: TRICKY[i % TRICKY.length] })));
    expect(await readRows(streamed(JSON.stringify(value), 10_000_000), "spans")).toEqual(value);
  });

  it("is refused where it ends early or is no JSON", async () => {
    const text = JSON.stringify(whole(rows));
    for (const end of [0, 5, text.indexOf("[") - 1, text.length / 2, text.length - 1])
      expect(() => fed(text.slice(0, end), 50)).toThrow(SyntaxError);
    expect(() => fed('{"spans":[1 2]}', 50)).toThrow(SyntaxError);
    await expect(readRows(streamed("<html>", 3), "spans")).rejects.toThrow(SyntaxError);
  });

  it("is not read on once nobody waits for it", async () => {
    const gone = new AbortController();
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"spans":[1')),
      pull: (controller) => {
        controller.enqueue(new TextEncoder().encode(`,"${"x".repeat(1000)}"`));
      },
      cancel: () => {
        cancelled = true;
      },
    });
    const reading = readRows(endless, "spans", gone.signal);
    gone.abort();
    await expect(reading).rejects.toThrow();
    expect(cancelled).toBe(true);
  });
});
