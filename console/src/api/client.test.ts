import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiProblem, asProblem, del, withQuery } from "./client";

afterEach(() => vi.unstubAllGlobals());

/** Answers every question with this, and keeps the addresses that were asked. */
function answering(answer: () => Response): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (address: string) => {
    asked.push(address);
    return Promise.resolve(answer());
  });
  return asked;
}

describe("removing", () => {
  it("sends the revision that was seen, and none of what has none", async () => {
    const asked = answering(() => new Response(null, { status: 204 }));
    await del("/a", 3);
    await del("/a?b=1", 3);
    await del("/a");
    await del("/a", 0);
    expect(asked).toEqual([
      "/api/v1/a?expected_revision=3",
      "/api/v1/a?b=1&expected_revision=3",
      "/api/v1/a",
      "/api/v1/a",
    ]);
  });

  it("says where it is told what somebody else did meanwhile", async () => {
    const meanwhile = { project: "shop", subject: "limit:fair", actions: ["limit."], entries: 2, revision: 4 };
    const detail = "The limit 'fair' was changed by Ada.";
    answering(() => new Response(JSON.stringify({ detail, code: "revision_conflict", meanwhile }), { status: 409 }));
    const refused = asProblem(await del("/a", 2).catch((error: unknown) => error));
    expect(refused).toBeInstanceOf(ApiProblem);
    expect(refused.meanwhile).toEqual(meanwhile);
    expect(asProblem(new Error("offline")).meanwhile).toBeNull();
  });
});

describe("a path with a query", () => {
  it("leaves out what is empty", () => {
    expect(withQuery("/a", { q: "x y", cursor: null, folder: undefined, label: "" })).toBe("/a?q=x+y");
    expect(withQuery("/a", { cursor: null })).toBe("/a");
  });

  it("goes on where the path asks something already, as the next page of a list does", () => {
    const list = withQuery("/prompts", { q: "refund", limit: 500 });
    expect(withQuery(list, { cursor: "abc" })).toBe("/prompts?q=refund&limit=500&cursor=abc");
  });
});
