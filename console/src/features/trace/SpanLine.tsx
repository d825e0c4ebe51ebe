import { ChevronDown, ChevronRight, CircleX, TriangleAlert } from "lucide-react";
import type { SpanRow } from "@/api/types";
import { formatCompact, formatInt, formatMs } from "@/lib/format";
import { exactUsd, formatMoney, printUsd } from "@/lib/money";
import { KindSign, kindLook, StatusSign } from "@/ui/status";
import { LANE_START } from "./SpanList";
import css from "./trace.module.css";
import type { Rollup, SpanTree, VisibleRow } from "./tree";

interface Props {
  tree: SpanTree;
  row: VisibleRow;
  top: number;
  selected: boolean;
  timeline: boolean;
  flag?: boolean;
  onSelect: () => void;
  onFold: () => void;
}

const INDENT = 14;
const MAX_INDENT = 12;

export function SpanLine({ tree, row, top, selected, timeline, flag, onSelect, onFold }: Props) {
  const span = tree.spans[row.index] as SpanRow;
  const rollup = tree.rollup[row.index] as Rollup;
  const indent = 8 + Math.min(row.depth, MAX_INDENT) * INDENT;
  return (
    <div
      id={`span-${row.index}`}
      role="treeitem"
      aria-level={row.depth + 1}
      aria-selected={selected}
      aria-expanded={row.expandable ? row.expanded : undefined}
      className={css.span}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onSelect}
    >
      <div
        style={{
          display: "flex",
          alignItems: "center",
          gap: 6,
          paddingLeft: indent,
          minWidth: 0,
          flex: timeline ? `0 0 ${LANE_START * 100}%` : 1,
          paddingRight: timeline ? 8 : 0,
        }}
      >
        <FoldButton row={row} onFold={onFold} descendants={rollup.descendants} />
        <KindSign kind={span.kind} />
        <span className={`ellipsis ${css.spanName}`} title={span.name}>
          {span.name}
          {span.model && !span.name.includes(span.model) && <span className={css.spanModel}> {span.model}</span>}
        </span>
        {flag && <TriangleAlert size={13} color="var(--warn)" aria-label="A detector found something" />}
        {span.status !== "ok" && <StatusSign status={span.status} size={14} />}
        {!row.expanded && rollup.errors > 0 && span.status === "ok" && <ErrorsBelow count={rollup.errors} />}
      </div>
      {timeline ? <Lane tree={tree} span={span} /> : <Numbers span={span} rollup={rollup} />}
    </div>
  );
}

function FoldButton({ row, onFold, descendants }: { row: VisibleRow; onFold: () => void; descendants: number }) {
  if (!row.expandable) return <span style={{ width: 18, flex: "none" }} />;
  const Icon = row.expanded ? ChevronDown : ChevronRight;
  return (
    <button
      type="button"
      className={css.fold}
      tabIndex={-1}
      aria-label={row.expanded ? "Fold" : `Unfold ${formatInt(descendants)} spans`}
      onClick={(event) => {
        event.stopPropagation();
        onFold();
      }}
    >
      <Icon size={14} />
    </button>
  );
}

function ErrorsBelow({ count }: { count: number }) {
  return (
    <span
      style={{ display: "inline-flex", gap: 3, alignItems: "center", color: "var(--bad)", fontSize: 12 }}
      className="num"
    >
      <CircleX size={13} aria-hidden="true" />
      {formatInt(count)}
      <span className="sr-only"> errors below</span>
    </span>
  );
}

function Numbers({ span, rollup }: { span: SpanRow; rollup: Rollup }) {
  return (
    <span className={`${css.spanNums} num`}>
      {rollup.descendants > 0 && <span className={`muted ${css.spare}`}>{formatInt(rollup.descendants)} below</span>}
      {rollup.tokens > 0 && (
        <span className={css.spare} title={`${formatInt(rollup.tokens)} tokens`}>
          {formatCompact(rollup.tokens)} tok
        </span>
      )}
      {rollup.cost !== null && rollup.cost > 0n && (
        <span title={exactUsd(printUsd(rollup.cost))}>{formatMoney(printUsd(rollup.cost))}</span>
      )}
      <span style={{ minWidth: 56 }}>{span.status === "running" ? "running" : formatMs(span.duration)}</span>
    </span>
  );
}

/** The span's time within the trace; the hatched part is the wait for the first token. */
function Lane({ tree, span }: { tree: SpanTree; span: SpanRow }) {
  const length = Math.max(tree.end - tree.start, 0.001);
  const left = (100 * (span.started - tree.start)) / length;
  const width = (100 * Math.max(0, span.duration)) / length;
  const wait = span.ttft === null ? 0 : (100 * Math.min(span.ttft, span.duration)) / length;
  const color = span.status === "error" ? "var(--bad)" : kindLook(span.kind).color;
  const textLeft = left + width < 78;
  // On a bar that fills the lane the number stands on the bar; before a short one at the end it stands free.
  const inside = !textLeft && left < 40;
  return (
    <span className={css.lane}>
      <span className={css.laneBar} style={{ left: `${left}%`, width: `${width}%`, background: color }} />
      {wait > 0 && <span className={css.laneTtft} style={{ left: `${left}%`, width: `${wait}%` }} />}
      <span
        className={`${css.laneText} num`}
        data-inside={inside}
        style={
          textLeft
            ? { left: `${left + width}%` }
            : { right: `${100 - left - width}%`, background: inside ? color : undefined }
        }
      >
        {formatMs(span.duration)}
      </span>
    </span>
  );
}
