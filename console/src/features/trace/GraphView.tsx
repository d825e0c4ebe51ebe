import { useQuery } from "@tanstack/react-query";
import { useLayoutEffect, useMemo, useRef } from "react";
import { graphQuery } from "@/api/seen";
import type { AgentGraph, GraphEdge, GraphNode } from "@/api/types";
import { formatCompact, formatInt, formatMs, plural } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Pending } from "@/ui/Pending";
import { KindSign } from "@/ui/status";
import css from "./graph.module.css";
import { layoutGraph, NODE_H, NODE_W, opensAt } from "./graphLayout";

interface Props {
  project: string;
  traceId: string;
  selected: string;
  onSelect: (spanId: string) => void;
}

/** "Who called whom, how often, and where did the time go?" A click on a node selects its first span. */
export function GraphView({ project, traceId, selected, onSelect }: Props) {
  const graph = useQuery(graphQuery(project, traceId));
  if (graph.isError || !graph.data) return <Pending of={graph} height={240} />;
  return <Graph graph={graph.data} selected={selected} onSelect={onSelect} />;
}

function Graph({ graph, selected, onSelect }: { graph: AgentGraph } & Pick<Props, "selected" | "onSelect">) {
  const layout = useMemo(() => layoutGraph(graph), [graph]);
  const longest = Math.max(1, ...graph.nodes.map((node) => node.own));
  const scroller = useRef<HTMLDivElement>(null);
  const first = useRef(opensAt(graph, layout, selected));
  useLayoutEffect(() => {
    const place = scroller.current;
    if (!place || !first.current) return; // only when it opens: what grows stays where it is read
    place.scrollTop = first.current.y + NODE_H / 2 - place.clientHeight / 2;
    place.scrollLeft = first.current.x + NODE_W / 2 - place.clientWidth / 2;
  }, []);
  return (
    <div className={css.scroller} ref={scroller} data-testid="agent-graph-scroller">
      <div className={css.stage} style={{ width: layout.width, height: layout.height }} data-testid="agent-graph">
        <svg width={layout.width} height={layout.height} className={css.lines} aria-hidden="true">
          <defs>
            <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M0,0 L8,4 L0,8 z" className={css.arrow} />
            </marker>
          </defs>
          {layout.edges.map(({ edge, path, labelX, labelY }) => (
            <g key={`${edge.kind} ${edge.source} ${edge.target}`} data-kind={edge.kind} data-bad={edge.errors > 0}>
              <path d={path} className={css.line} markerEnd="url(#arrow)" />
              {edge.count > 1 && (
                <text x={labelX} y={labelY} className={css.count}>
                  {formatInt(edge.count)}×
                </text>
              )}
            </g>
          ))}
        </svg>
        {graph.nodes.map((node) => {
          const at = layout.at.get(node.id);
          if (!at) return null;
          return (
            <button
              key={node.id}
              type="button"
              className={css.node}
              style={{ left: at.x, top: at.y, width: NODE_W, height: NODE_H }}
              aria-pressed={node.span_id === selected}
              onClick={() => onSelect(node.span_id)}
              title={told(node)}
            >
              <span className={css.label}>
                <KindSign kind={node.kind} size={14} />
                <span className="ellipsis">{node.label}</span>
                {node.spans > 1 && <span className="num muted">{formatInt(node.spans)}×</span>}
              </span>
              <span className={css.numbers}>
                <span className="num">{formatMs(node.time)}</span>
                {node.tokens > 0 && <span className="num">{formatCompact(node.tokens)} tok</span>}
                {node.cost !== null && <span className="num">{formatMoney(node.cost)}</span>}
                {node.errors > 0 && <span className={css.bad}>{formatInt(node.errors)} failed</span>}
              </span>
              <span className={css.bar} aria-hidden="true">
                <span style={{ width: `${(100 * node.own) / longest}%` }} />
              </span>
            </button>
          );
        })}
      </div>
      <p className="sr-only">{graph.edges.map((edge) => inWords(edge, graph)).join(" ")}</p>
      {graph.hidden > 0 && <p className="muted">{plural(graph.hidden, "more name")} not drawn; the tree has them.</p>}
    </div>
  );
}

const told = (node: GraphNode) =>
  `${node.kind} ${node.label}: ${plural(node.spans, "span")}, ${formatMs(node.time)} in all, ${formatMs(node.own)} of its own`;

function inWords(edge: GraphEdge, graph: AgentGraph): string {
  const name = (id: string) => graph.nodes.find((node) => node.id === id)?.label ?? id;
  const verb = edge.kind === "calls" ? "calls" : "is followed by";
  return `${name(edge.source)} ${verb} ${name(edge.target)} ${plural(edge.count, "time")}.`;
}
