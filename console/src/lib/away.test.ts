import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import { ApiProblem } from "@/api/client";
import { askAgain, isDue, PartAway, part, passes } from "./away";

const problem = (status: number) => new ApiProblem({ status, detail: "x" });

/** A page that shows what failed in this way; how often it was asked for. */
async function failed(status: number) {
  const queries = new QueryClient();
  let asked = 0;
  const observer = new QueryObserver(queries, {
    queryKey: ["things", status],
    queryFn: () => {
      asked++;
      return Promise.reject(problem(status));
    },
    retry: false,
  });
  const shown = observer.subscribe(() => undefined);
  await expect.poll(() => observer.getCurrentResult().status).toBe("error");
  return { queries, asked: () => asked, close: shown };
}

describe("what failed while the server was away", () => {
  it("is asked for again at once when the server is back", async () => {
    const page = await failed(0);
    askAgain(page.queries, true, Date.now());
    await expect.poll(page.asked).toBe(2);
    page.close();
  });

  it("is asked for again by itself where nobody noticed that it was away, and not all the time", async () => {
    const page = await failed(503);
    askAgain(page.queries, false, Date.now());
    expect(page.asked()).toBe(1);
    askAgain(page.queries, false, Date.now() + 60_000);
    await expect.poll(page.asked).toBe(2);
    page.close();
  });

  it("is left as it is where the server refused it", async () => {
    const page = await failed(403);
    askAgain(page.queries, true, Date.now() + 600_000);
    expect(page.asked()).toBe(1);
    page.close();
  });

  it("waits longer each time, and no longer than a minute", () => {
    const waits = [1, 2, 3, 4, 5, 50].map((failures) => {
      let wait = 0;
      while (!isDue(failures, 0, wait)) wait += 1_000;
      return wait;
    });
    expect(waits).toEqual([8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });
});

describe("a part of the console that does not come", () => {
  const gone = new TypeError("Failed to fetch dynamically imported module: /assets/Page-1.js");

  it("is gone with an older build where the server is there", async () => {
    await expect(
      part(
        () => Promise.reject(gone),
        () => Promise.resolve(true),
      ),
    ).rejects.toBe(gone);
  });

  it("is told as the server's absence otherwise, which may pass", async () => {
    const told = await part(
      () => Promise.reject(gone),
      () => Promise.resolve(false),
    ).catch((error: unknown) => error);
    expect(told).toBeInstanceOf(PartAway);
    expect(passes(told)).toBe(true);
  });
});
