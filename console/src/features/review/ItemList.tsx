import { Button } from "@mantine/core";
import { Lock, TriangleAlert } from "lucide-react";
import { useEffect, useRef } from "react";
import type { ItemView } from "@/api/reviewTypes";
import css from "./review.module.css";
import { dueWords } from "./rubric";

interface Props {
  items: readonly ItemView[];
  selected: string;
  more: boolean;
  onMore: () => void;
  onSelect: (id: string) => void;
  told: string;
}

/** What waits, most pressing first: what was asked, why it is here, until when. */
export function ItemList({ items, selected, more, onMore, onSelect, told }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const now = Date.now();
  useEffect(() => {
    list.current?.querySelector(`[data-item="${CSS.escape(selected)}"]`)?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  return (
    <nav className={css.items} aria-label="Items">
      <ul ref={list}>
        {items.map((item) => {
          const due = dueWords(item.state === "open" ? item.due : null, now);
          return (
            <li key={item.id} data-item={item.id}>
              <button
                type="button"
                className={css.item}
                aria-current={item.id === selected ? "true" : undefined}
                onClick={() => onSelect(item.id)}
              >
                <span className="ellipsis">{item.subject.input || item.subject.answer || item.id}</span>
                <span className={`ellipsis ${css.itemFoot}`}>
                  {item.claimed_by && item.claimed_until !== null && item.claimed_until > now && (
                    <Lock size={11} aria-label="Somebody works on it" />
                  )}
                  {item.outcome ? item.outcome.decision : item.why.join(", ")}
                  {due.text && (
                    <span className={css.due} data-late={due.late}>
                      {due.late && <TriangleAlert size={11} aria-hidden="true" />}
                      {due.text}
                    </span>
                  )}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
      <p className="muted num" role="status">
        {told}
        {more ? ", more below" : ""}
      </p>
      {more && (
        <Button variant="default" onClick={onMore}>
          Show more
        </Button>
      )}
    </nav>
  );
}
