import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { LIST_KEYS, useMainListKeys } from "@/lib/hooks";
import css from "./peek.module.css";

interface Props<T> {
  label: string;
  rows: readonly T[];
  rowKey: (row: T) => string;
  /** Of every row, in pixels. */
  height: number;
  selected: string;
  onSelect: (key: string) => void;
  onClose?: () => void;
  /** Asked for when the end comes into sight. */
  onEnd?: () => void;
  foot?: ReactNode;
  head?: ReactNode;
  children: (row: T) => ReactNode;
}

/** Rows of one height, only those in sight drawn. The list holds the focus; arrow keys, j and k move, Enter selects. */
export function VirtualList<T>(props: Props<T>) {
  const { label, rows, rowKey, height, selected, onSelect, onClose, onEnd, foot, head, children } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState("");
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    getItemKey: (i) => (rows[i] === undefined ? i : rowKey(rows[i])),
    overscan: 10,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (onEnd && last >= rows.length - 20) onEnd();
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are measured anew when their height changes
  useEffect(() => virtual.measure(), [height]);
  const at = rows.findIndex((row) => rowKey(row) === (selected || cursor));
  const move = (to: number) => {
    const index = Math.max(0, Math.min(rows.length - 1, to));
    const row = rows[index];
    if (row === undefined) return;
    setCursor(rowKey(row));
    virtual.scrollToIndex(index, { align: "auto" });
    if (selected) onSelect(rowKey(row));
  };
  const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 400) / height) - 1);
  const onKeyDown = (event: Key) => {
    const row = rows[at];
    const to = event.ctrlKey || event.metaKey || event.altKey ? undefined : stepOf(event.key, at, page, rows.length);
    if (to !== undefined) move(to);
    else if (event.key === "Enter" && row !== undefined) onSelect(rowKey(row));
    else if (event.key === "Escape" && selected && onClose) onClose();
    else return;
    event.preventDefault();
  };
  useMainListKeys(LIST_KEYS, (event) => {
    scroller.current?.focus();
    onKeyDown(event);
  });
  return (
    <div className={css.list}>
      {head}
      <div
        ref={scroller}
        className={css.scroller}
        role="listbox"
        tabIndex={0}
        aria-label={label}
        aria-activedescendant={at >= 0 && items.some((item) => item.index === at) ? rowId(label, at) : undefined}
        onKeyDown={onKeyDown}
      >
        <div style={{ height: virtual.getTotalSize(), position: "relative" }} role="presentation">
          {items.map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            return (
              <div
                key={item.key}
                id={rowId(label, item.index)}
                role="option"
                aria-selected={item.index === at}
                aria-setsize={onEnd ? -1 : rows.length}
                aria-posinset={item.index + 1}
                data-key={rowKey(row)}
                className={css.row}
                style={{ height: item.size, transform: `translateY(${item.start}px)` }}
                onClick={() => {
                  setCursor(rowKey(row));
                  onSelect(rowKey(row));
                }}
              >
                {children(row)}
              </div>
            );
          })}
        </div>
      </div>
      {foot && <div className={css.foot}>{foot}</div>}
    </div>
  );
}

type Key = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "preventDefault">;

/** The row that a key leads to; undefined for keys that move nowhere. */
function stepOf(key: string, at: number, page: number, count: number): number | undefined {
  const up = Math.max(0, at - 1);
  const steps: Record<string, number> = {
    ArrowDown: at + 1,
    j: at + 1,
    ArrowUp: up,
    k: up,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: count - 1,
  };
  return steps[key];
}

const rowId = (label: string, index: number) => `row-${label.toLowerCase().replaceAll(/[^a-z]+/g, "-")}-${index}`;
