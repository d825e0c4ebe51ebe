/** The secret of the key created last, for the connect page's snippets. In memory only: a reload forgets it. */

import { useSyncExternalStore } from "react";

let fresh: { project: string; secret: string } | null = null;
const listeners = new Set<() => void>();

export function keepFreshKey(project: string, secret: string) {
  fresh = { project, secret };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useFreshKey(project: string): string | null {
  const held = useSyncExternalStore(subscribe, () => fresh);
  return held?.project === project ? held.secret : null;
}
