import { describe, expect, it } from "vitest";
import type { SpanRow } from "@/api/types";
import { inSlices } from "@/lib/slices";
import { axisTicks, buildTree, carried, initialCollapsed, reveal, treeOf, visibleRows } from "./tree";

const TOKENS = { input: 0, cache_read: 0, cache_write: 0, output: 0, reasoning: 0, total: 0, estimated: false };

function span(id: string, parent: string, over: Partial<SpanRow> = {}): SpanRow {
  return {
    trace_id: "t",
    span_id: id,
    parent_span_id: parent,
    request_id: "",
    kind: "span",
    name: id,
    status: "ok",
    started: 0,
    duration: 1,
    ttft: null,
    model: "",
    model_used: "",
    provider: "",
    app: "",
    release: "",
    environment: "",
    feature: "",
    session: "",
    user: "",
    key_id: "",
    tags: [],
    stream: false,
    stop: "",
    http_status: 200,
    error_code: "",
    error_message: "",
    tokens: TOKENS,
    cost: null,
    price: "",
    attempts: 0,
    fallbacks: 0,
    input_preview: "",
    output_preview: "",
    withheld: false,
    ...over,
  };
}
const ids = (spans: SpanRow[], collapsed = new Set<number>()) => {
  const tree = buildTree(spans);
  return visibleRows(tree, collapsed).map((row) => `${"-".repeat(row.depth)}${tree.spans[row.index]?.span_id}`);
};

describe("a trace that grows", () => {
  const spans = [
    span("run", ""),
    span("a", "run"),
    span("a1", "a"),
    span("b", "run"),
    span("b1", "b"),
    span("leaf", "run"),
  ];
  const names = (tree: ReturnType<typeof buildTree>, folded: ReadonlySet<number>) =>
    visibleRows(tree, folded).map((row) => tree.spans[row.index]?.span_id);

  it("keeps folded what was, although its spans have other places", () => {
    const before = buildTree(spans);
    const after = buildTree([span("early", "run", { started: -1 }), ...spans, span("b2", "b"), span("leaf1", "leaf")]);
    const folded = new Set([before.byId.get("b") as number]);
    expect(names(before, folded)).toEqual(["run", "a", "a1", "b", "leaf"]);
    expect(names(after, carried(before, after, folded))).toEqual(["run", "early", "a", "a1", "b", "leaf", "leaf1"]);
  });

  it("folds what is a parent only now where it is large, and nothing that was unfolded", () => {
    const many = Array.from({ length: 1000 }, (_, i) => span(`m${i}`, "a"));
    const before = buildTree([...spans, ...many]);
    const folded = new Set(initialCollapsed(before));
    folded.delete(before.byId.get("b") as number);
    const after = buildTree([...spans, ...many, span("c", "run"), span("c1", "c"), span("leaf1", "leaf")]);
    expect(names(after, carried(before, after, folded))).toEqual(["run", "a", "b", "b1", "leaf", "c"]);
  });
});

describe("a tree of thousands", () => {
  it("is the same made in slices, with one parent of all, one below the other, or in circles", async () => {
    const shapes = [
      (i: number) => (i === 0 ? "" : "0"),
      (i: number) => (i === 0 ? "" : `${i - 1}`),
      (i: number) => `${i ^ 1}`,
    ];
    for (const above of shapes) {
      const spans = Array.from({ length: 5_000 }, (_, i) =>
        span(`${i}`, above(i), { started: i % 7, cost: "0.000001" }),
      );
      const made = await inSlices(treeOf(spans));
      expect(made).toEqual(buildTree(spans));
      expect(visibleRows(made, new Set())).toHaveLength(5_000);
    }
  });
});

describe("a trace's tree", () => {
  it("orders siblings by start and puts children below their parent", () => {
    expect(
      ids([span("b", "r", { started: 5 }), span("r", ""), span("a", "r", { started: 2 }), span("c", "a")]),
    ).toEqual(["r", "-a", "--c", "-b"]);
  });
  it("shows spans whose parent is missing, and cycles, instead of losing them", () => {
    expect(ids([span("r", ""), span("x", "gone")]).sort()).toEqual(["r", "x"]);
    expect(ids([span("a", "b"), span("b", "a"), span("s", "s")]).length).toBe(3);
  });
  it("hides what is below a collapsed span and reveals a selection in it", () => {
    const spans = [span("r", ""), span("a", "r"), span("c", "a")];
    const tree = buildTree(spans);
    const collapsed = new Set([0, 1]);
    expect(visibleRows(tree, collapsed).length).toBe(1);
    expect(visibleRows(tree, reveal(tree, collapsed, 2)).length).toBe(3);
    expect(reveal(tree, new Set(), 2).size).toBe(0);
  });
  it("rolls tokens, cost and errors up without counting a parent twice", () => {
    const used = (total: number) => ({ ...TOKENS, total });
    const tree = buildTree([
      span("r", "", { tokens: used(30), cost: "0.3" }),
      span("a", "r", { tokens: used(10), cost: "0.1", status: "error" }),
      span("b", "r", { tokens: used(20), cost: "0.2" }),
    ]);
    expect(tree.rollup[0]).toEqual({ tokens: 30, cost: 300_000_000_000n, errors: 1, descendants: 2 });
    expect(buildTree([span("r", "")]).rollup[0]?.cost).toBeNull();
  });
  it("builds and flattens 30,000 spans in a moment, wide or deep", () => {
    const wide = [span("0", "")];
    const deep = [span("0", "")];
    for (let i = 1; i < 30_000; i++) {
      wide.push(span(String(i), String(Math.floor((i - 1) / 10)), { started: i }));
      deep.push(span(String(i), String(i - 1), { started: i }));
    }
    for (const spans of [wide, deep]) {
      const before = performance.now();
      const tree = buildTree(spans);
      expect(visibleRows(tree, new Set()).length).toBe(30_000);
      expect(visibleRows(tree, initialCollapsed(tree)).length).toBeLessThan(20);
      expect(performance.now() - before).toBeLessThan(2000);
    }
  });
  it("chooses round ticks", () => {
    expect(axisTicks(1000, 5)).toEqual([0, 200, 400, 600, 800, 1000]);
    expect(axisTicks(37, 4)).toEqual([0, 10, 20, 30]);
    expect(axisTicks(0, 4)).toEqual([0]);
  });
});
