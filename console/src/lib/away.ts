/** What a page does while the server is away, and when it is back: nobody has to press a button, and nothing is loaded
 * anew over what somebody types. */

import type { QueryClient } from "@tanstack/react-query";
import { API, ApiProblem, unreachable } from "@/api/client";

const FIRST_MS = 4_000;
const LATEST_MS = 60_000;
const PASSING = [0, 502, 503, 504];

/** Whether it may pass by itself: the server away (0), a proxy that does not reach it, or a store that starts (503). */
export function passes(error: unknown): boolean {
  return error instanceof ApiProblem && PASSING.includes(error.status);
}

/** A part of the console that the server is not there to give. A browser may remember that it did not come: what helps
 * is to load the page anew, once the server is back. */
export class PartAway extends ApiProblem {
  constructor() {
    const { status, message, fix, code } = unreachable("GET");
    super({ status, detail: message, fix, code });
  }
}

/** Whether the server answers, whatever it says. */
export async function answers(): Promise<boolean> {
  try {
    const response = await fetch(`${API}/status`, { cache: "no-store", headers: { "trimtab-console": "1" } });
    return !PASSING.includes(response.status);
  } catch {
    return false;
  }
}

/** A part of the console. Where it does not come it is gone, because the console was built anew (the error is as it
 * came), or the server is away (`PartAway`). */
export async function part<T>(load: () => Promise<T>, there: () => Promise<boolean> = answers): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (await there()) throw error;
    throw new PartAway();
  }
}

/** Whether it is time to ask again for what failed for the `failures`th time `at`: sooner at first, then by the minute. */
export function isDue(failures: number, at: number, now: number): boolean {
  return now - at >= Math.min(LATEST_MS, FIRST_MS * 2 ** Math.min(failures, 10));
}

/** Asks again for all that a page shows as failed and that may have passed. Called whenever the server said how it is;
 * `back` where it was away a moment ago, or its store was. */
export function askAgain(queries: QueryClient, back: boolean, now: number): void {
  void queries.refetchQueries({
    type: "active",
    predicate: ({ state }) =>
      state.fetchStatus === "idle" &&
      passes(state.error) &&
      (back || isDue(state.errorUpdateCount, state.errorUpdatedAt, now)),
  });
}
