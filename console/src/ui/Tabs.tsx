import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import css from "./tabs.module.css";

export interface TabOf<V extends string> {
  id: V;
  label: ReactNode;
}

interface Props<V extends string> {
  label: string;
  tabs: readonly TabOf<V>[];
  value: V;
  onChange: (value: V) => void;
  children: ReactNode;
}

/** Views of one thing; which is open is in the address, so the page keeps it. */
export function Tabs<V extends string>({ label, tabs, value, onChange, children }: Props<V>) {
  const list = useRef<HTMLDivElement>(null);
  // On a phone the row scrolls: what is open is in sight.
  useEffect(() => {
    list.current?.querySelector(`#tab-${value}`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [value]);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = tabs.findIndex((each) => each.id === value);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (!next) return;
    onChange(next.id);
    list.current?.querySelector<HTMLElement>(`#tab-${next.id}`)?.focus();
  };
  return (
    <>
      <div className={css.tabs} role="tablist" aria-label={label} ref={list} onKeyDown={onKeyDown}>
        {tabs.map((each) => (
          <button
            key={each.id}
            id={`tab-${each.id}`}
            type="button"
            role="tab"
            className={css.tab}
            aria-selected={each.id === value}
            aria-controls="tab-view"
            tabIndex={each.id === value ? 0 : -1}
            onClick={() => onChange(each.id)}
          >
            {each.label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="tab-view" aria-labelledby={`tab-${value}`}>
        {children}
      </div>
    </>
  );
}
