import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { formatInt, formatMs, plural } from "@/lib/format";
import { LIST_KEYS, useMainListKeys, useSize } from "@/lib/hooks";
import { SpanLine } from "./SpanLine";
import css from "./trace.module.css";
import { axisTicks, carried, initialCollapsed, reveal, type SpanTree, visibleRows } from "./tree";

interface Props {
  tree: SpanTree;
  selected: number;
  onSelect: (index: number) => void;
  /** What stands at the head of the list. */
  switcher: ReactNode;
  /** Bars on a time axis beside the names, instead of numbers. */
  timeline: boolean;
  /** Ids of spans at which a detector found something. */
  flags?: ReadonlySet<string>;
}

const ROW = 30;
/** Where the lanes of a timeline begin, as a share of the pane. */
export const LANE_START = 0.4;

/** The spans as a foldable, virtual tree; the timeline is the same tree with a lane to each row. */
export function SpanList({ tree, selected, onSelect, timeline, flags, switcher }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [sizeRef, size] = useSize<HTMLDivElement>();
  const [folded, setFolded] = useFolded(tree);
  const rows = useMemo(() => visibleRows(tree, folded), [tree, folded]);
  const at = rows.findIndex((row) => row.index === selected);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 15,
  });

  // What is selected from elsewhere (an address, another view) must be on show.
  useEffect(() => setFolded((now) => reveal(tree, now, selected)), [tree, selected, setFolded]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls to a new selection only, never while folding
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [selected]);

  const fold = (index: number, open: boolean) => {
    setFolded((now) => {
      const next = new Set(now);
      if (open) next.delete(index);
      else next.add(index);
      return next;
    });
  };
  const onKeyDown = (event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "preventDefault">) => {
    const row = rows[at];
    const to = (i: number) => {
      const target = rows[Math.max(0, Math.min(rows.length - 1, i))];
      if (target) onSelect(target.index);
    };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown" || event.key === "j") to(at + 1);
    else if (event.key === "ArrowUp" || event.key === "k") to(at - 1);
    else if (event.key === "PageDown") to(at + 20);
    else if (event.key === "PageUp") to(at - 20);
    else if (event.key === "Home") to(0);
    else if (event.key === "End") to(rows.length - 1);
    else if (event.key === "ArrowRight" && row?.expandable) row.expanded ? to(at + 1) : fold(row.index, true);
    else if (event.key === "ArrowLeft" && row?.expanded) fold(row.index, false);
    else if (event.key === "ArrowLeft" && row && (tree.parent[row.index] ?? -1) >= 0)
      onSelect(tree.parent[row.index] as number);
    else return;
    event.preventDefault();
  };
  useMainListKeys([...LIST_KEYS, "ArrowLeft", "ArrowRight"], (event) => {
    scroller.current?.focus();
    onKeyDown(event);
  });
  const everything = rows.length >= tree.spans.length;
  return (
    <>
      <div className={css.navHead}>
        {switcher}
        <span className="num muted ellipsis" data-testid="span-count">
          {everything ? "" : `${formatInt(rows.length)} of `}
          {plural(tree.spans.length, "span")}
        </span>
        <FoldButtons tree={tree} everything={everything} folded={folded.size > 0} onFold={setFolded} />
      </div>
      {timeline && <Axis tree={tree} width={size.width} />}
      <div ref={sizeRef} style={{ flex: 1, minHeight: 0, display: "flex", flexDirection: "column" }}>
        <div
          ref={scroller}
          className={css.scroller}
          role="tree"
          tabIndex={0}
          aria-label={timeline ? "Timeline of spans" : "Tree of spans"}
          aria-activedescendant={at >= 0 ? `span-${selected}` : undefined}
          onKeyDown={onKeyDown}
          data-testid="span-list"
        >
          <div style={{ height: virtual.getTotalSize(), position: "relative" }} role="presentation">
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index];
              return row ? (
                <SpanLine
                  key={row.index}
                  tree={tree}
                  row={row}
                  top={item.start}
                  selected={row.index === selected}
                  timeline={timeline}
                  flag={flags?.has(tree.spans[row.index]?.span_id ?? "")}
                  onSelect={() => onSelect(row.index)}
                  onFold={() => fold(row.index, !row.expanded)}
                />
              ) : null;
            })}
          </div>
        </div>
      </div>
    </>
  );
}

type Folded = ReadonlySet<number>;

/** What is folded stays so while the trace grows, although its spans then have other places. */
function useFolded(tree: SpanTree): [Folded, (change: Folded | ((now: Folded) => Folded)) => void] {
  const [of, setOf] = useState<{ tree: SpanTree; folded: Folded }>(() => ({ tree, folded: initialCollapsed(tree) }));
  let { folded } = of;
  if (of.tree !== tree) {
    folded = carried(of.tree, tree, of.folded);
    setOf({ tree, folded });
  }
  const setFolded = useCallback((change: Folded | ((now: Folded) => Folded)) => {
    setOf((now) => {
      const next = typeof change === "function" ? change(now.folded) : change;
      return next === now.folded ? now : { ...now, folded: next };
    });
  }, []);
  return [folded, setFolded];
}

interface FoldProps {
  tree: SpanTree;
  everything: boolean;
  folded: boolean;
  onFold: (folded: ReadonlySet<number>) => void;
}

function FoldButtons({ tree, everything, folded, onFold }: FoldProps) {
  const hasDepth = tree.spans.length > tree.roots.length;
  if (!hasDepth) return null;
  const foldAll = () =>
    onFold(new Set(tree.spans.flatMap((_, i) => (tree.parent[i] !== -1 && tree.children[i]?.length ? [i] : []))));
  const style = {
    border: 0,
    background: "none",
    color: "var(--accent)",
    font: "inherit",
    cursor: "pointer",
    padding: 2,
  };
  return (
    <span style={{ marginLeft: "auto", display: "flex", gap: 8 }}>
      {!everything && (
        <button type="button" style={style} onClick={() => onFold(new Set())}>
          Unfold all
        </button>
      )}
      {(everything || folded) && tree.spans.length > 3 && (
        <button type="button" style={style} onClick={foldAll}>
          Fold
        </button>
      )}
    </span>
  );
}

function Axis({ tree, width }: { tree: SpanTree; width: number }) {
  const length = tree.end - tree.start;
  const lane = width * (1 - LANE_START) - 12;
  const ticks = axisTicks(length, Math.max(1, Math.floor(lane / 80)));
  return (
    <div className={css.axis} aria-hidden="true">
      {ticks.map((tick) => {
        const left = width * LANE_START + (length > 0 ? (tick / length) * lane : 0);
        return left < width - 40 ? (
          <span key={tick} className={`${css.tick} num`} style={{ left }}>
            {formatMs(tick)}
          </span>
        ) : null;
      })}
    </div>
  );
}
