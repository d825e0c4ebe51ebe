/** What an open page does when a file of its build is gone, because the console was built anew under it. */

import { answers } from "./away";

const KEY = "trimtab.reloaded";
/** After a reload that did not help the next may come no sooner: a page never reloads in a loop. */
export const AGAIN_MS = 60_000;

type Kept = Pick<Storage, "getItem" | "setItem">;

/** Loads the page anew, unless it was just now; whether it does. */
export function reloadOnce(kept: Kept, now: number, reload: () => void): boolean {
  const last = Number(kept.getItem(KEY) ?? 0);
  if (now - last < AGAIN_MS) return false;
  kept.setItem(KEY, String(now));
  reload();
  return true;
}

/** Vite tells the window when a part of the console, or its styles, cannot be loaded. Where the server is away the page
 * stays: a link that the mouse passed over is loaded before it is followed, and what was typed would go with the page. */
export function reloadWhenRebuilt(): void {
  window.addEventListener("vite:preloadError", async () => {
    if (!(await answers())) return;
    try {
      reloadOnce(sessionStorage, Date.now(), () => window.location.reload());
    } catch {
      // Without storage nobody could tell that it was tried: the page says what failed, and offers to try again.
    }
  });
}
