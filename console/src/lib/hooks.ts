import { useCallback, useEffect, useRef, useState } from "react";

/** "Now" for a page whose range ends at now: stands still while it is read, moves on `tick` or every `everyMs`. */
export function useAnchor(everyMs: number | false = false): { now: number; tick: () => void } {
  const [now, setNow] = useState(() => Date.now());
  const tick = useCallback(() => setNow(Date.now()), []);
  useEffect(() => {
    if (everyMs === false) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") tick();
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs, tick]);
  return { now, tick };
}

const TYPING = new Set(["INPUT", "TEXTAREA", "SELECT"]);

/** True where a plain key belongs to what is being typed, or to a dialog or menu that is open. */
function taken(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  if (!target) return false;
  return (
    TYPING.has(target.tagName) || target.isContentEditable || target.closest("[role=dialog], [role=menu]") !== null
  );
}

/** What gives `false` back let the key pass: another may have it. */
export type Shortcuts = Record<string, (event: KeyboardEvent) => unknown>;

/** Plain-key shortcuts (`/`, `?`, `j`, `Escape`, `mod+k`) for as long as the component is on show. */
export function useShortcuts(shortcuts: Shortcuts) {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const mod = event.metaKey || event.ctrlKey;
      const name = mod ? `mod+${event.key.toLowerCase()}` : event.key;
      const run = latest.current[name];
      if (!run || event.altKey || event.defaultPrevented) return;
      if (!mod && taken(event)) return;
      if (run(event) !== false && name !== "Escape") event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

/** Keys that move in the page's main list also when nothing has the focus yet: no click is needed to begin. */
export function useMainListKeys(keys: readonly string[], onKeyDown: (event: KeyboardEvent) => void) {
  const run = (event: KeyboardEvent) => {
    if (document.activeElement === null || document.activeElement === document.body) onKeyDown(event);
  };
  useShortcuts(Object.fromEntries(keys.map((key) => [key, run])));
}

export const LIST_KEYS = ["ArrowDown", "ArrowUp", "j", "k", "Home", "End", "PageDown", "PageUp"] as const;

/** The size of an element, as it changes. */
export function useSize<T extends HTMLElement>(): [(node: T | null) => void, { width: number; height: number }] {
  const [size, setSize] = useState({ width: 0, height: 0 });
  const observer = useRef<ResizeObserver | null>(null);
  const ref = useCallback((node: T | null) => {
    observer.current?.disconnect();
    if (!node) return;
    observer.current = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.current.observe(node);
  }, []);
  return [ref, size];
}

/** Whether an element is in sight, or nearly: what only then is asked for costs nothing where nobody looks. */
export function useInSight(): [(node: Element | null) => void, boolean] {
  const [inSight, setInSight] = useState(false);
  const observer = useRef<IntersectionObserver | null>(null);
  const ref = useCallback((node: Element | null) => {
    observer.current?.disconnect();
    if (!node) return;
    const seen = ([entry]: IntersectionObserverEntry[]) => entry && setInSight(entry.isIntersecting);
    observer.current = new IntersectionObserver(seen, { rootMargin: "200px" });
    observer.current.observe(node);
  }, []);
  return [ref, inSight];
}

export function useIsNarrow(px = 720): boolean {
  const query = `(max-width: ${px}px)`;
  const [narrow, setNarrow] = useState(() => window.matchMedia(query).matches);
  useEffect(() => {
    const media = window.matchMedia(query);
    const onChange = () => setNarrow(media.matches);
    onChange();
    media.addEventListener("change", onChange);
    return () => media.removeEventListener("change", onChange);
  }, [query]);
  return narrow;
}
