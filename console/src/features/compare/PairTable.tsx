import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import type { PairRow, SpanRow } from "@/api/types";
import { formatMs } from "@/lib/format";
import { Tag } from "@/ui/bits";
import { KindSign, StatusSign } from "@/ui/status";
import css from "./compare.module.css";

interface Props {
  pairs: readonly PairRow[];
  chosen: PairRow | undefined;
  onSelect: (index: number) => void;
}

const ROW = 34;
/** From so many rows on, columns keep their width whichever rows are drawn. */
const LONG = 40;

/** The pairs, of which only those in sight are drawn: 2,000 of them held the page for most of a second. */
export function PairTable({ pairs, chosen, onSelect }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: pairs.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 20,
  });
  const items = virtual.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  const at = chosen ? pairs.indexOf(chosen) : -1;
  // What a link has chosen, or the first that differs, may be far down.
  // biome-ignore lint/correctness/useExhaustiveDependencies: brought into sight at first, and not when it is chosen here
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: "center" });
  }, []);
  return (
    <div className={css.scroll} ref={scroller} data-testid="pairs">
      <table
        className={css.table}
        aria-label="Spans side by side"
        aria-rowcount={pairs.length + 1}
        data-long={pairs.length > LONG}
      >
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col">span</th>
            <th scope="col">differs in</th>
            <th scope="col" data-align="right">
              A
            </th>
            <th scope="col" data-align="right">
              B
            </th>
          </tr>
        </thead>
        <tbody>
          <Room height={above} />
          {items.map((item) => {
            const pair = pairs[item.index];
            return pair ? (
              <Row
                key={item.key}
                index={item.index}
                measured={virtual.measureElement}
                pair={pair}
                selected={pair === chosen}
                onSelect={() => onSelect(item.index)}
              />
            ) : null;
          })}
          <Room height={below} />
        </tbody>
      </table>
    </div>
  );
}

/** Of rows that are not drawn. */
function Room({ height }: { height: number }) {
  return height > 0 ? <tr style={{ height }} /> : null;
}

const WORDS: Record<string, string> = { answered_by: "answered by" };

interface RowProps {
  pair: PairRow;
  index: number;
  measured: (row: HTMLTableRowElement | null) => void;
  selected: boolean;
  onSelect: () => void;
}

function Row({ pair, index, measured, selected, onSelect }: RowProps) {
  const span = pair.a ?? pair.b;
  if (!span) return null;
  return (
    <tr
      ref={measured}
      data-index={index}
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-alone={!pair.a || !pair.b}
    >
      <td>
        <button
          type="button"
          className={css.pick}
          style={{ paddingLeft: Math.min(pair.depth, 12) * 14 }}
          aria-pressed={selected}
          onClick={onSelect}
        >
          <KindSign kind={span.kind} size={14} />
          <span className="ellipsis">{pair.a && pair.b && pair.a.name !== pair.b.name ? span.kind : span.name}</span>
        </button>
      </td>
      <td>
        {!pair.a && <Tag tone="accent">only in B</Tag>}
        {!pair.b && <Tag tone="warn">only in A</Tag>}
        {pair.differs.map((name) => (
          <Tag key={name} tone={name === "status" ? "bad" : undefined}>
            {WORDS[name] ?? name}
          </Tag>
        ))}
        {pair.a && pair.b && pair.differs.length === 0 && <span className="muted">nothing</span>}
      </td>
      <Side span={pair.a} />
      <Side span={pair.b} />
    </tr>
  );
}

function Side({ span }: { span: SpanRow | null }) {
  if (!span)
    return (
      <td data-align="right" className="muted">
        –
      </td>
    );
  return (
    <td data-align="right">
      <span className={css.side}>
        <StatusSign status={span.status} size={13} />
        <span className="num">{formatMs(span.duration)}</span>
      </span>
    </td>
  );
}
