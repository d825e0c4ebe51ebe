import { describe, expect, it } from "vitest";
import type { SpanRow } from "@/api/types";
import { taken } from "./useTail";

const row = (trace_id: string, status = "ok") => ({ trace_id, status }) as SpanRow;

describe("what a live tail told", () => {
  it("lies on top, each trace once, in its newest copy", () => {
    const known = taken([], [row("b"), row("a", "running")]);
    expect(taken(known, [row("c"), row("a")]).map((r) => `${r.trace_id} ${r.status}`)).toEqual([
      "c ok",
      "a ok",
      "b ok",
    ]);
  });
  it("is bounded", () => {
    const many = Array.from({ length: 1999 }, (_, i) => row(String(i)));
    const after = taken(many, [row("x"), row("y"), row("z")]);
    expect(after).toHaveLength(2000);
    expect(after[0]?.trace_id).toBe("x");
  });
});
