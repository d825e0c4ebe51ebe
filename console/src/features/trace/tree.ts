/** A trace's spans as a tree: built once in linear time, rolled up from the leaves, flattened to the rows on show. */

import type { SpanRow } from "@/api/types";
import { parseUsd } from "@/lib/money";
import { atOnce, type Work } from "@/lib/slices";

export interface Rollup {
  tokens: number;
  /** Picodollars; null where nothing below has a price. */
  cost: bigint | null;
  /** Failed spans at or below. */
  errors: number;
  descendants: number;
}

export interface SpanTree {
  spans: readonly SpanRow[];
  byId: ReadonlyMap<string, number>;
  children: readonly (readonly number[])[];
  roots: readonly number[];
  parent: Int32Array;
  depth: Int32Array;
  rollup: readonly Rollup[];
  start: number;
  end: number;
}

export interface VisibleRow {
  index: number;
  depth: number;
  expandable: boolean;
  expanded: boolean;
}

const endOf = (span: SpanRow) => span.started + Math.max(0, span.duration);

/** After this many spans, in each pass over them, there may be a pause. */
const STRETCH = 1024;
const isPause = (count: number) => count % STRETCH === STRETCH - 1;

export const buildTree = (spans: readonly SpanRow[]): SpanTree => atOnce(treeOf(spans));

/** Siblings by start. A span whose parent is not here is a root; so is one that only hangs on itself (a cycle). */
export function* treeOf(spans: readonly SpanRow[]): Work<SpanTree> {
  const byId = new Map<string, number>();
  let start = Number.POSITIVE_INFINITY;
  let end = Number.NEGATIVE_INFINITY;
  for (const [i, span] of spans.entries()) {
    byId.set(span.span_id, i);
    start = Math.min(start, span.started);
    end = Math.max(end, endOf(span));
    if (isPause(i)) yield;
  }
  if (spans.length === 0) start = end = 0;
  const children: number[][] = spans.map(() => []);
  const parent = new Int32Array(spans.length).fill(-1);
  const roots: number[] = [];
  for (const [i, span] of spans.entries()) {
    const up = byId.get(span.parent_span_id);
    if (up === undefined || up === i) roots.push(i);
    else {
      parent[i] = up;
      children[up]?.push(i);
    }
    if (isPause(i)) yield;
  }
  const byStart = (a: number, b: number) => (spans[a]?.started ?? 0) - (spans[b]?.started ?? 0) || a - b;
  for (const list of children) if (list.length > 1) list.sort(byStart);
  yield;

  const depth = new Int32Array(spans.length);
  const order = yield* reach(roots, children, depth, new Uint8Array(spans.length), spans.length, (i) => {
    cut(i, parent, children);
    roots.push(i);
  });
  roots.sort(byStart);
  const rollup = yield* rollUp(spans, children, order);
  return { spans, byId, children, roots, parent, depth, rollup, start, end };
}

/** Every span in an order where parents come first; `adopt` is told of each span that no root leads to. */
function* reach(
  roots: readonly number[],
  children: readonly number[][],
  depth: Int32Array,
  seen: Uint8Array,
  count: number,
  adopt: (index: number) => void,
): Work<number[]> {
  const order: number[] = [];
  function* walk(from: number): Work<void> {
    const stack = [from];
    depth[from] = 0;
    seen[from] = 1;
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      order.push(at);
      if (isPause(order.length)) yield;
      for (const child of children[at] ?? []) {
        if (seen[child]) continue;
        seen[child] = 1;
        depth[child] = (depth[at] ?? 0) + 1;
        stack.push(child);
      }
    }
  }
  for (const root of [...roots]) yield* walk(root);
  for (let i = 0; i < count; i++) {
    if (seen[i]) continue;
    adopt(i);
    yield* walk(i);
  }
  return order;
}

function cut(index: number, parent: Int32Array, children: number[][]) {
  const up = parent[index] ?? -1;
  if (up < 0) return;
  children[up] = (children[up] ?? []).filter((child) => child !== index);
  parent[index] = -1;
}

/** A parent shows what its children used; where none of them used anything, what it says of itself. Never both. */
function* rollUp(spans: readonly SpanRow[], children: readonly number[][], order: readonly number[]): Work<Rollup[]> {
  const out: Rollup[] = new Array(spans.length);
  for (let at = order.length - 1; at >= 0; at--) {
    const i = order[at] as number;
    const span = spans[i] as SpanRow;
    let tokens = 0;
    let cost: bigint | null = null;
    let errors = span.status === "error" ? 1 : 0;
    let descendants = 0;
    for (const child of children[i] ?? []) {
      const below = out[child] as Rollup;
      tokens += below.tokens;
      if (below.cost !== null) cost = (cost ?? 0n) + below.cost;
      errors += below.errors;
      descendants += 1 + below.descendants;
    }
    if (tokens === 0) tokens = span.tokens.total;
    if (cost === null && span.cost !== null) cost = parseUsd(span.cost);
    out[i] = { tokens, cost, errors, descendants };
    if (isPause(at)) yield;
  }
  return out;
}

/** Small traces open whole; large ones two levels deep, so that the first sight is an outline. */
export function initialCollapsed(tree: SpanTree, limit = 1000): Set<number> {
  const collapsed = new Set<number>();
  if (tree.spans.length <= limit) return collapsed;
  tree.spans.forEach((_, i) => {
    if ((tree.depth[i] ?? 0) >= 1 && (tree.children[i]?.length ?? 0) > 0) collapsed.add(i);
  });
  return collapsed;
}

/** What is collapsed once a trace has grown: what was, wherever it stands by now, and of a large one what is a parent
 * only now, as `initialCollapsed` has it. */
export function carried(before: SpanTree, after: SpanTree, collapsed: ReadonlySet<number>): Set<number> {
  const next = new Set<number>();
  for (const i of collapsed) {
    const now = after.byId.get(before.spans[i]?.span_id ?? "");
    if (now !== undefined) next.add(now);
  }
  for (const i of initialCollapsed(after)) {
    const was = before.byId.get(after.spans[i]?.span_id ?? "");
    if (was === undefined || before.children[was]?.length === 0) next.add(i);
  }
  return next;
}

/** The rows on show, top to bottom; what is below a collapsed span is not visited. */
export function visibleRows(tree: SpanTree, collapsed: ReadonlySet<number>): VisibleRow[] {
  const rows: VisibleRow[] = [];
  const stack = [...tree.roots].reverse();
  for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
    const kids = tree.children[i] ?? [];
    const expandable = kids.length > 0;
    const expanded = expandable && !collapsed.has(i);
    rows.push({ index: i, depth: tree.depth[i] ?? 0, expandable, expanded });
    if (expanded) for (let k = kids.length - 1; k >= 0; k--) stack.push(kids[k] as number);
  }
  return rows;
}

/** Collapsed spans without those above `index`, so that it is on show; the same set where nothing hides it. */
export function reveal(tree: SpanTree, collapsed: ReadonlySet<number>, index: number): ReadonlySet<number> {
  let next: Set<number> | null = null;
  for (let up = tree.parent[index] ?? -1; up >= 0; up = tree.parent[up] ?? -1) {
    if (collapsed.has(up)) {
      next ??= new Set(collapsed);
      next.delete(up);
    }
  }
  return next ?? collapsed;
}

/** Round steps for a time axis of `length` ms, about `count` of them. */
export function axisTicks(length: number, count: number): number[] {
  if (length <= 0) return [0];
  const rough = length / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((m) => m * power >= rough) ?? 10) * power;
  const ticks: number[] = [];
  for (let i = 0; i * step <= length * 1.0001; i++) ticks.push(i * step);
  return ticks;
}

/** The span a person wants to see first: the deepest answer they asked about, else the entry. */
export function firstSelection(tree: SpanTree): number {
  return tree.roots[0] ?? 0;
}
