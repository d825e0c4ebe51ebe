/** A route's tree as lines to show: what each node does, in words, with its place as the server names it. */

export type RawNode = string | { node?: string; [key: string]: unknown };

export interface Line {
  /** As in decision records and refusals: `tree.of[0].use`. */
  path: string;
  depth: number;
  /** Which way leads here: a share, a condition, a topic. */
  label: string;
  kind: string;
  what: string;
  /** Of a target, the model's name. */
  model: string | null;
}

const WHAT: Record<string, string> = {
  fallback: "in this order, until one begins to answer",
  weights: "one drawn by its share",
  fastest: "the fastest: latency times calls under way",
  cheapest: "the cheapest for this call",
  least_busy: "the one with the fewest calls under way",
  when: "the first branch whose conditions hold",
  semantic: "the branch whose examples mean the same",
  escalate: "cheap first; strong where it looks hard or the answer is in doubt",
  local_only: "only on machines of your own",
};

type Raw = Record<string, unknown>;

function condition(raw: unknown): string {
  const parts = Object.entries((raw ?? {}) as Raw).map(([name, value]) => {
    if (name === "not") return `not (${condition(value)})`;
    if (Array.isArray(value)) return `${name} ${value.join(" or ")}`;
    if (value !== null && typeof value === "object")
      return Object.entries(value as Raw)
        .map(([key, values]) => `${name} ${key}: ${Array.isArray(values) ? values.join(" or ") : String(values)}`)
        .join(" and ");
    return `${name.replaceAll("_", " ")} ${String(value)}`;
  });
  return parts.join(" and ") || "always";
}

interface Child {
  path: string;
  label: string;
  node: RawNode;
}

function list(value: unknown): Raw[] {
  return Array.isArray(value) ? (value as Raw[]) : [];
}

function childrenOf(raw: Exclude<RawNode, string>, path: string): Child[] {
  const at = (key: string, label: string): Child[] =>
    raw[key] === undefined ? [] : [{ path: `${path}.${key}`, label, node: raw[key] as RawNode }];
  switch (raw.node) {
    case "weights": {
      const shares = list(raw.of);
      const all = shares.reduce((sum, each) => sum + Number(each.weight), 0) || 1;
      return shares.map((each, i) => ({
        path: `${path}.of[${i}].use`,
        label: `${Math.round((1000 * Number(each.weight)) / all) / 10} %`,
        node: each.use as RawNode,
      }));
    }
    case "when":
      return [
        ...list(raw.of).map((each, i) => ({
          path: `${path}.of[${i}].use`,
          label: `if ${condition(each.if)}`,
          node: each.use as RawNode,
        })),
        ...at("otherwise", "otherwise"),
      ];
    case "semantic":
      return [
        ...list(raw.of).map((each, i) => ({
          path: `${path}.of[${i}].use`,
          label: `about ${String(each.name)}`,
          node: each.use as RawNode,
        })),
        ...at("otherwise", "otherwise"),
      ];
    case "escalate":
      return [...at("cheap", "cheap"), ...at("strong", "strong")];
    case "local_only":
      return at("use", "");
    default:
      return (Array.isArray(raw.of) ? (raw.of as RawNode[]) : []).map((node, i) => ({
        path: `${path}.of[${i}]`,
        label: raw.node === "fallback" ? `${i + 1}.` : "",
        node,
      }));
  }
}

export function linesOf(tree: RawNode, path = "tree", depth = 0, label = ""): Line[] {
  if (typeof tree === "string" || tree.node === "target") {
    const model = typeof tree === "string" ? tree : String(tree.model);
    return [{ path, depth, label, kind: "target", what: "", model }];
  }
  const kind = tree.node ?? "";
  const own: Line = { path, depth, label, kind, what: WHAT[kind] ?? "", model: null };
  return [own, ...childrenOf(tree, path).flatMap((child) => linesOf(child.node, child.path, depth + 1, child.label))];
}

/** A tree as it was typed, or why it is none yet. */
export function treeOf(text: string): { tree: RawNode; error?: string } {
  try {
    const tree: unknown = JSON.parse(text);
    if (typeof tree === "string" || (typeof tree === "object" && tree !== null && !Array.isArray(tree)))
      return { tree: tree as RawNode };
    return { tree: "", error: "A tree is a model's name in quotes, or an object." };
  } catch (error) {
    return { tree: "", error: error instanceof Error ? error.message : String(error) };
  }
}
