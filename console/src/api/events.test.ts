import { expect, it } from "vitest";
import { readEvents } from "./events";

const streamOf = (pieces: Uint8Array[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });

it("events are read wherever the bytes are cut, and comments are none", async () => {
  const text = 'event: begin\ndata: {"a":"ü"}\n\n: still here\n\nevent: end\ndata: 1\n\nevent: half';
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 3, 1000]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.slice(i * size, (i + 1) * size),
    );
    const found = [];
    for await (const event of readEvents(streamOf(pieces))) found.push(event);
    expect(found).toEqual([
      { event: "begin", data: '{"a":"ü"}' },
      { event: "end", data: "1" },
    ]);
  }
});
