import { expect, test } from "vitest";
import type { AgentGraph, GraphEdge, GraphNode } from "@/api/types";
import { layoutGraph, NODE_H, NODE_W, opensAt } from "./graphLayout";

const node = (id: string, layer: number) => ({ id, layer, label: id, kind: "agent" }) as GraphNode;
const edge = (source: string, target: string, kind: "calls" | "then" = "calls") =>
  ({ source, target, kind, count: 1, errors: 0, time: 1 }) as GraphEdge;
const graph = (nodes: GraphNode[], edges: GraphEdge[]): AgentGraph => ({ trace_id: "t", nodes, edges, hidden: 0 });

test("what is called stands to the right of its caller, and nothing overlaps", () => {
  const nodes = [node("a", 0), node("b", 1), node("c", 1), node("d", 2)];
  const { at, width, height } = layoutGraph(graph(nodes, [edge("a", "b"), edge("a", "c"), edge("b", "d")]));
  expect(at.get("b")?.x).toBeGreaterThan((at.get("a")?.x ?? 0) + NODE_W);
  const placed = [...at.values()];
  for (const one of placed) {
    expect(one.x + NODE_W).toBeLessThanOrEqual(width);
    expect(one.y + NODE_H).toBeLessThanOrEqual(height);
    for (const other of placed) {
      if (one === other) continue;
      const apart = Math.abs(one.x - other.x) >= NODE_W || Math.abs(one.y - other.y) >= NODE_H;
      expect(apart).toBe(true);
    }
  }
});

test("callees are put in the order of their callers, so that lines do not cross", () => {
  const nodes = [node("a", 0), node("b", 0), node("of b", 1), node("of a", 1)];
  const { at } = layoutGraph(graph(nodes, [edge("a", "of a"), edge("b", "of b")]));
  const above = (one: string, other: string) => (at.get(one)?.y ?? 0) < (at.get(other)?.y ?? 0);
  expect(above("a", "b")).toBe(above("of a", "of b"));
});

test("edges to oneself, within a layer and back are drawn; one to a hidden node is not", () => {
  const nodes = [node("a", 0), node("b", 1), node("c", 1)];
  const edges = [edge("a", "a"), edge("b", "c", "then"), edge("c", "a"), edge("a", "gone")];
  expect(layoutGraph(graph(nodes, edges)).edges).toHaveLength(3);
  expect(layoutGraph(graph([], [])).edges).toEqual([]);
});

test("a graph opens where the selected span's node stands, and else at its root, which may be halfway down", () => {
  const called = Array.from({ length: 300 }, (_, i) => ({ ...node(`n${i}`, 1), span_id: `s${i}` }));
  const tall = graph([...called, { ...node("root", 0), span_id: "r" }], []);
  const layout = layoutGraph(tall);
  expect(opensAt(tall, layout, "nothing")).toEqual(layout.at.get("root"));
  expect(opensAt(tall, layout, "nothing")?.y).toBeGreaterThan(layout.height / 3);
  expect(opensAt(tall, layout, "s299")).toEqual(layout.at.get("n299"));
  expect(opensAt(graph([], []), layoutGraph(graph([], [])), "s")).toBeUndefined();
});
