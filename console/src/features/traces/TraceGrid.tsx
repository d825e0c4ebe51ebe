import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useState } from "react";
import { formatInt } from "@/lib/format";
import { LIST_KEYS, useIsNarrow, useMainListKeys, useSize } from "@/lib/hooks";
import { HeadRow, TraceRow } from "./TraceRow";
import css from "./traces.module.css";
import type { TraceList } from "./useTraceList";

interface Props {
  list: TraceList;
  selected: string;
  onPeek: (traceId: string) => void;
  onOpen: (traceId: string) => void;
  onClose: () => void;
  /** Told whether rows are being read, and must stay where they are. */
  onReading: (reading: boolean) => void;
}

const ROW = 36;
const ROW_TALL = 54;

/** The virtual list. The grid holds the focus; the row it stands on is its active descendant. */
export function TraceGrid({ list, selected, onPeek, onOpen, onClose, onReading }: Props) {
  const [scroller, setScroller] = useState<HTMLDivElement | null>(null);
  const narrow = useIsNarrow();
  const [cursor, setCursor] = useState("");
  const { rows } = list;
  const height = narrow ? ROW_TALL : ROW;
  // The head row lies inside the grid, above the rows, and stays in sight; on a phone there is none.
  const [head, { height: headHeight }] = useSize<HTMLDivElement>();
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller,
    estimateSize: () => height,
    getItemKey: (i) => rows[i]?.trace_id ?? i,
    overscan: 12,
    scrollMargin: headHeight,
    scrollPaddingStart: headHeight,
  });
  const items = virtual.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;
  const { hasMore, loadMore } = list;

  useEffect(() => {
    if (hasMore && lastShown >= rows.length - 30) loadMore();
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are measured anew when their height changes
  useEffect(() => virtual.measure(), [height]);
  const reading = useReading(scroller, height, cursor !== "");
  useEffect(() => {
    onReading(reading);
    return () => onReading(false);
  }, [onReading, reading]);
  const toTop = () => {
    setCursor("");
    list.catchUp();
    scroller?.scrollTo({ top: 0 });
  };

  const at = rows.findIndex((row) => row.trace_id === (selected || cursor));
  const move = (to: number) => {
    const index = Math.max(0, Math.min(rows.length - 1, to));
    const row = rows[index];
    if (!row) return;
    setCursor(row.trace_id);
    virtual.scrollToIndex(index, { align: "auto" });
    if (selected) onPeek(row.trace_id);
  };
  const pageful = Math.max(1, Math.floor((scroller?.clientHeight ?? 400) / height) - 1);
  const onKeyDown = (event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "preventDefault">) => {
    const row = rows[at];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown" || event.key === "j") move(at + 1);
    else if (event.key === "ArrowUp" || event.key === "k") move(at < 0 ? 0 : at - 1);
    else if (event.key === "PageDown") move(at + pageful);
    else if (event.key === "PageUp") move(at - pageful);
    else if (event.key === "Home") move(0);
    else if (event.key === "End") move(rows.length - 1);
    else if (event.key === "Enter" && row) selected === row.trace_id ? onOpen(row.trace_id) : onPeek(row.trace_id);
    else if (event.key === "Escape" && selected) onClose();
    else if (event.key === "Escape" && cursor) setCursor("");
    else return;
    event.preventDefault();
  };

  useMainListKeys(LIST_KEYS, (event) => {
    scroller?.focus();
    onKeyDown(event);
  });

  const now = Date.now();
  return (
    <>
      {list.arrived > 0 && (
        <button type="button" className={css.newPill} onClick={toTop}>
          {formatInt(list.arrived)} new
        </button>
      )}
      <div
        ref={setScroller}
        className={css.scroller}
        role="grid"
        aria-rowcount={list.hasMore ? -1 : rows.length + 1}
        tabIndex={0}
        aria-label="Calls, newest first. Arrow keys move, Enter opens."
        aria-activedescendant={at >= 0 ? `trace-${rows[at]?.trace_id}` : undefined}
        onKeyDown={onKeyDown}
        data-testid="trace-list"
      >
        <div ref={head} role="rowgroup" className={css.headGroup}>
          <HeadRow />
        </div>
        <div style={{ height: virtual.getTotalSize() - headHeight, position: "relative" }} role="rowgroup">
          {items.map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            return (
              <TraceRow
                key={item.key}
                id={`trace-${row.trace_id}`}
                row={row}
                index={item.index}
                selected={item.index === at}
                now={now}
                style={{ height: item.size, transform: `translateY(${item.start - headHeight}px)` }}
                onClick={() => {
                  setCursor(row.trace_id);
                  narrow ? onOpen(row.trace_id) : onPeek(row.trace_id);
                }}
                onOpen={() => onOpen(row.trace_id)}
              />
            );
          })}
        </div>
      </div>
    </>
  );
}

/** Whether rows are being read, which must not move then: further down, or walked through with the keys. */
function useReading(scroller: HTMLElement | null, height: number, walked: boolean) {
  const [scrolled, setScrolled] = useState(false);
  const [focused, setFocused] = useState(false);
  useEffect(() => {
    if (!scroller) return;
    const onScroll = () => setScrolled(scroller.scrollTop >= height);
    const onFocus = () => setFocused(document.activeElement === scroller);
    onFocus();
    scroller.addEventListener("scroll", onScroll, { passive: true });
    scroller.addEventListener("focus", onFocus);
    scroller.addEventListener("blur", onFocus);
    return () => {
      scroller.removeEventListener("scroll", onScroll);
      scroller.removeEventListener("focus", onFocus);
      scroller.removeEventListener("blur", onFocus);
    };
  }, [scroller, height]);
  return scrolled || (focused && walked);
}
