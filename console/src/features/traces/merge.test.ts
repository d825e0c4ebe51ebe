import { describe, expect, it } from "vitest";
import type { SpanRow, TracePage } from "@/api/types";
import { hasGap, mergeRows, standing } from "./merge";

const row = (trace_id: string, started: number, status = "ok") => ({ trace_id, started, status }) as SpanRow;
const page = (rows: SpanRow[], cursor: string | null = null): TracePage => ({ rows, cursor, behind_ms: 0 });

describe("the live list", () => {
  it("shows each trace once, newest first, in its newest state", () => {
    const rows = mergeRows([row("c", 3), row("b", 2, "ok")], [page([row("b", 2, "running"), row("a", 1)])]);
    expect(rows.map((r) => [r.trace_id, r.status])).toEqual([
      ["c", "ok"],
      ["b", "ok"],
      ["a", "ok"],
    ]);
  });
  it("keeps the server's order where nothing is new", () => {
    const rows = [row("x", 1), row("y", 1)];
    expect(mergeRows([], [page(rows)])).toEqual(rows);
  });
  it("notices when more came than one page can show", () => {
    expect(hasGap(page([row("z", 9), row("y", 8)], "more"), [page([row("a", 1)])])).toBe(true);
    expect(hasGap(page([row("z", 9), row("a", 1)], "more"), [page([row("a", 1)])])).toBe(false);
    expect(hasGap(page([row("z", 9)]), [page([row("a", 1)])])).toBe(false);
    expect(hasGap(undefined, [])).toBe(false);
  });
  it("stands still while it is read, but for newer copies and older pages", () => {
    const kept = [row("c", 3, "running"), row("b", 2)];
    const pages = [page([row("b", 2)]), page([row("a", 1)])];
    const now = [row("x", 5), row("c", 3, "ok"), row("b", 2), row("a", 1)];
    expect(standing(kept, now, pages).map((r) => `${r.trace_id} ${r.status}`)).toEqual(["c ok", "b ok", "a ok"]);
    expect(standing(kept, [], [])).toEqual(kept);
    const twice = [page([row("b", 2), row("a", 1)]), page([row("a", 0)])]; // a trace may have two entry spans
    expect(standing(kept, [], twice).map((r) => r.trace_id)).toEqual(["c", "b", "a"]);
  });
});
