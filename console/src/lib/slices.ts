/** Long work in slices: between two of them the page answers to people, and draws. */

/** Well below a frame: what the browser does with a slice's outcome has to fit in as well. */
const SLICE_MS = 8;

/** When the page has had its turn. A timer would wait four milliseconds from its fifth turn on; a message does not. */
export function turn(): Promise<void> {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });
}

/** Gives the page its turn whenever a slice is over; rejects where `signal` says that nobody waits any more. */
export class Pace {
  private until = performance.now() + SLICE_MS;

  constructor(private readonly signal?: AbortSignal) {}

  async rest(): Promise<void> {
    if (performance.now() < this.until) return;
    await turn();
    this.signal?.throwIfAborted();
    this.until = performance.now() + SLICE_MS;
  }
}

/** Work that says by `yield` where it may be interrupted. */
export type Work<T> = Generator<void, T>;

/** All of it now: for what is small. */
export function atOnce<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

export async function inSlices<T>(work: Work<T>, signal?: AbortSignal): Promise<T> {
  const pace = new Pace(signal);
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    await pace.rest();
  }
}
