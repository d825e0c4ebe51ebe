import { describe, expect, it } from "vitest";
import type { SpanRow } from "@/api/types";
import { taken } from "./useTail";

const row = (trace_id: string, status = "ok") => ({ trace_id, status }) as SpanRow;

describe("what a live tail told", () => {
  it("lies on top, each trace once, in its newest copy", () => {
    const { rows } = taken([], [row("b"), row("a", "running")]);
    const after = taken(rows, [row("c"), row("a")]);
    expect(after.rows.map((r) => `${r.trace_id} ${r.status}`)).toEqual(["c ok", "a ok", "b ok"]);
    expect(after.cut).toBe(0);
  });
  it("is bounded, and counts what is too much", () => {
    const many = Array.from({ length: 1999 }, (_, i) => row(String(i)));
    const after = taken(many, [row("x"), row("y"), row("z")]);
    expect(after.rows).toHaveLength(2000);
    expect(after.rows[0]?.trace_id).toBe("x");
    expect(after.cut).toBe(2);
  });
});
