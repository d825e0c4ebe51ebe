import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { useCallback, useEffect } from "react";
import { answers, PartAway, passes } from "@/lib/away";
import { ProblemNotice } from "@/ui/Notice";
import ui from "@/ui/ui.module.css";

const AGAIN_MS = 4_000;

/** What a page shows when it cannot be shown. What the server was not there for is asked again once it is. */
export function PageFailure({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const retry = useCallback(() => {
    // Such a part may be missing as long as the page lives: a browser need not ask twice for the same one.
    if (error instanceof PartAway) return window.location.reload();
    reset();
    void router.invalidate();
  }, [error, reset, router]);
  useEffect(() => {
    if (!passes(error)) return;
    let left = false;
    const timer = setInterval(async () => {
      if ((await answers()) && !left) retry();
    }, AGAIN_MS);
    return () => {
      left = true;
      clearInterval(timer);
    };
  }, [error, retry]);
  return (
    <div className={ui.page} style={{ maxWidth: 720 }}>
      <ProblemNotice error={error} retry={retry} />
    </div>
  );
}

/** In place of a page that the server takes its time for. */
export function Asking() {
  return (
    <div className={ui.page} role="status" aria-busy="true">
      <p className="muted">Asking the server…</p>
    </div>
  );
}

export function NotFound() {
  return (
    <div className={ui.empty}>
      <h2>There is no page at this address</h2>
      <p>The link may be cut off or from another version of Trimtab.</p>
      <Link to="/">Go to the overview</Link>
    </div>
  );
}
