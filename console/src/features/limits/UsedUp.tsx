import { Link } from "@tanstack/react-router";
import type { LimitEventView, LimitView } from "@/api/types";
import { formatAgo, formatDateTime } from "@/lib/format";
import { amount } from "./amounts";
import { isSpent, largerThan, refusedBy, refusedSince, seenByCallers } from "./filled";
import css from "./limits.module.css";

type Standing = LimitView["standings"][number];

interface Props {
  project: string;
  limit: LimitView;
  standing: Standing;
  events: readonly LimitEventView[];
  now: number;
  /** Undefined where it cannot be edited here. */
  onEdit: (() => void) | undefined;
}

/** Of a limit that refuses calls: since when and until when, what callers see, and the ways out. */
export function UsedUp({ project, limit, standing, events, now, onEdit }: Props) {
  const spent = isSpent(limit, standing, events);
  if (!spent) return null;
  if (limit.mode === "soft") return <p className={css.spent}>Calls go on: a soft limit only tells.</p>;
  return (
    <div className={css.spent} data-testid={`spent-${limit.name}`}>
      <p>
        <strong>
          {spent.since === null ? "Calls are refused" : `Calls are refused since ${formatDateTime(spent.since)}`}
        </strong>
        {standing.resets !== null && `, until it begins anew ${formatAgo(standing.resets, now)}`}.{" "}
        {seenByCallers(limit)}
      </p>
      <p className={css.burnFoot}>
        <Link
          to="/p/$project/traces"
          params={{ project }}
          search={refusedSince(limit, standing.values, spent.since ?? standing.started, now)}
        >
          Calls that were refused
        </Link>
        {onEdit && (
          <button type="button" className={css.more} onClick={onEdit}>
            Raise it, or make it soft
          </button>
        )}
        {limit.source === "config" && <span>The config file declares it: its bound is raised there.</span>}
      </p>
    </div>
  );
}

/** Of a limit below what single calls ask for: they are refused however much of it is left. */
export function LargerThanAll({ project, limit, events, now, onEdit }: Omit<Props, "standing">) {
  const event = largerThan(limit, events, now);
  const refused = event && refusedBy(event, now);
  if (!event || !refused) return null;
  return (
    <div className={css.spent} data-testid={`larger-${limit.name}`}>
      <p>
        <strong>Calls larger than the whole limit are refused</strong>, whatever is left of it: one of{" "}
        {formatDateTime(event.at)} might have used {amount(limit.measure, event.used)}.{" "}
        {Number(limit.bound) > 0
          ? "Callers see 400 larger_than_limit; a smaller max_tokens helps them."
          : "Callers see 403 larger_than_limit: it lets nothing through."}
      </p>
      <p className={css.burnFoot}>
        <Link to="/p/$project/traces" params={{ project }} search={refused}>
          Calls that were too large
        </Link>
        {onEdit && (
          <button type="button" className={css.more} onClick={onEdit}>
            Raise it, or make it soft
          </button>
        )}
        {limit.source === "config" && <span>The config file declares it: its bound is raised there.</span>}
      </p>
    </div>
  );
}
