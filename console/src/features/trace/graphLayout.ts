/** Where the nodes of an agent graph stand: layers from left to right, within a layer near what calls them. */

import type { AgentGraph, GraphEdge } from "@/api/types";

export const NODE_W = 196;
export const NODE_H = 58;
const GAP_X = 76;
const GAP_Y = 18;
const MARGIN = 16;

export interface Placed {
  id: string;
  x: number;
  y: number;
}

export interface Drawn {
  edge: GraphEdge;
  path: string;
  labelX: number;
  labelY: number;
}

export interface Layout {
  at: Map<string, Placed>;
  edges: Drawn[];
  width: number;
  height: number;
}

/** Two sweeps of the barycentre rule (Sugiyama): each node goes to the middle of its callers, then of what it calls. */
function ordered(graph: AgentGraph): string[][] {
  const layers: string[][] = [];
  for (const node of graph.nodes) {
    layers[node.layer] ??= [];
    layers[node.layer]?.push(node.id);
  }
  const dense = layers.filter((layer) => layer !== undefined);
  const callers = neighbours(graph.edges, "target", "source");
  const called = neighbours(graph.edges, "source", "target");
  for (let sweep = 0; sweep < 2; sweep++) {
    for (let i = 1; i < dense.length; i++) sortBy(dense, i, callers);
    for (let i = dense.length - 2; i >= 0; i--) sortBy(dense, i, called);
  }
  return dense;
}

function neighbours(edges: GraphEdge[], of: "source" | "target", to: "source" | "target"): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const edge of edges) {
    if (edge.kind !== "calls") continue;
    const list = found.get(edge[of]);
    if (list) list.push(edge[to]);
    else found.set(edge[of], [edge[to]]);
  }
  return found;
}

function sortBy(layers: string[][], index: number, beside: Map<string, string[]>) {
  const place = new Map<string, number>();
  for (const layer of layers) {
    for (const [i, id] of layer.entries()) place.set(id, layer.length > 1 ? i / (layer.length - 1) : 0.5);
  }
  const layer = layers[index] ?? [];
  const middle = new Map(
    layer.map((id) => {
      const near = beside.get(id) ?? [];
      const sum = near.reduce((total, other) => total + (place.get(other) ?? 0.5), 0);
      return [id, near.length > 0 ? sum / near.length : (place.get(id) ?? 0.5)];
    }),
  );
  layers[index] = [...layer].sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0));
}

export function layoutGraph(graph: AgentGraph): Layout {
  const layers = ordered(graph);
  const tallest = Math.max(1, ...layers.map((layer) => layer.length));
  const height = tallest * (NODE_H + GAP_Y) - GAP_Y + 2 * MARGIN;
  const at = new Map<string, Placed>();
  layers.forEach((layer, column) => {
    const used = layer.length * (NODE_H + GAP_Y) - GAP_Y;
    layer.forEach((id, row) => {
      at.set(id, {
        id,
        x: MARGIN + column * (NODE_W + GAP_X),
        y: (height - used) / 2 + row * (NODE_H + GAP_Y),
      });
    });
  });
  const edges = graph.edges.flatMap((edge) => {
    const from = at.get(edge.source);
    const to = at.get(edge.target);
    return from && to ? [draw(edge, from, to)] : [];
  });
  const width = 2 * MARGIN + layers.length * (NODE_W + GAP_X) - GAP_X;
  return { at, edges, width: Math.max(width, NODE_W + 2 * MARGIN), height };
}

/** What is in sight when it opens: the selected span's node, else the one that began it all. A tall graph has its root
 * halfway down. */
export function opensAt(graph: AgentGraph, layout: Layout, selected: string): Placed | undefined {
  const node =
    graph.nodes.find((one) => one.span_id === selected) ?? graph.nodes.find((one) => one.layer === 0) ?? graph.nodes[0];
  return node && layout.at.get(node.id);
}

function draw(edge: GraphEdge, from: Placed, to: Placed): Drawn {
  if (edge.source === edge.target) {
    const x = from.x + NODE_W / 2;
    const path = `M${x - 14},${from.y} C${x - 24},${from.y - 18} ${x + 24},${from.y - 18} ${x + 14},${from.y}`;
    return { edge, path, labelX: x, labelY: from.y - 14 };
  }
  if (to.x > from.x) {
    const [x1, y1, x2, y2] = [from.x + NODE_W, from.y + NODE_H / 2, to.x, to.y + NODE_H / 2];
    const bend = Math.max(24, (x2 - x1) / 2);
    const path = `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
    // Near its end: where several leave one node, their ends are apart.
    return { edge, path, labelX: x2 - 22, labelY: y2 - 5 };
  }
  // In the same layer, or back: around the left sides.
  const [x1, y1, y2] = [from.x, from.y + NODE_H / 2 + 8, to.y + NODE_H / 2 - 8];
  const x2 = to.x;
  const out = Math.min(x1, x2) - 26;
  const path = `M${x1},${y1} C${out},${y1} ${out},${y2} ${x2},${y2}`;
  return { edge, path, labelX: out + 10, labelY: (y1 + y2) / 2 };
}
