import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { ProblemNotice } from "@/ui/Notice";
import ui from "@/ui/ui.module.css";

/** What a page shows when it cannot be shown. */
export function PageFailure({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <div className={ui.page} style={{ maxWidth: 720 }}>
      <ProblemNotice
        error={error}
        retry={() => {
          reset();
          void router.invalidate();
        }}
      />
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
