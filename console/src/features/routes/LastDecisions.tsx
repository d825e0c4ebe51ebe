import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lastCallsQuery } from "@/api/queries";
import { formatAgo, formatMs } from "@/lib/format";
import { useInSight } from "@/lib/hooks";
import { formatMoney } from "@/lib/money";
import { StatusSign } from "@/ui/status";
import css from "./routes.module.css";

/** Who answered the last calls by this name; each leads to its decision record. */
export function LastDecisions({ project, name }: { project: string; name: string }) {
  const [ref, inSight] = useInSight();
  const calls = useQuery({ ...lastCallsQuery(project, `model:"${name}"`, 5), enabled: inSight });
  const now = Date.now();
  return (
    <section className={css.last} aria-label={`Last decisions of ${name}`} ref={ref}>
      <h3>Last decisions</h3>
      {calls.error && <p className="muted">Not known: {calls.error.message}</p>}
      {!calls.data ? (
        !calls.error && <p className="muted">Looking…</p>
      ) : calls.data.length === 0 ? (
        <p className="muted">Nobody has called it in the last day.</p>
      ) : (
        <ul>
          {calls.data.map((row) => (
            <li key={row.trace_id}>
              <StatusSign status={row.status} />
              <Link
                to="/p/$project/traces/$traceId"
                params={{ project, traceId: row.trace_id }}
                search={{ view: "decision" }}
              >
                {row.model_used || "no model"}
              </Link>
              <span className="muted">
                {row.provider && `at ${row.provider}, `}
                {row.fallbacks > 0 && `after ${row.fallbacks} other${row.fallbacks > 1 ? "s" : ""}, `}
                {formatMs(row.duration)}, {row.cost !== null && `${formatMoney(row.cost)}, `}
                {row.cost === null && row.status === "ok" && "no price, "}
                {formatAgo(row.started, now)}
              </span>
              {row.status === "error" && row.error_message && (
                <span className={css.refused} title={row.error_message}>
                  {row.error_message}
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
