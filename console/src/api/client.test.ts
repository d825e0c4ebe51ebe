import { describe, expect, it } from "vitest";
import { withQuery } from "./client";

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
