import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { auditQuery } from "@/api/releases";
import type { RolloutView } from "@/api/releaseTypes";
import { formatDateTime } from "@/lib/format";
import { useMay } from "@/lib/role";
import { setOnly } from "@/search/language";
import { tracesOf } from "../apps/links";
import css from "./rollouts.module.css";
import { callsAt, endedWords, whatToLookAt } from "./words";

/** Calls that began before it ended may have been answered after. */
const LATE_MS = 60_000;

/** What a rollout that is over leaves a person with: since when, by whom, what answers instead, where to look. */
export function Ended({ project, rollout, now }: { project: string; rollout: RolloutView; now: number }) {
  const may = useMay("audit:read");
  const ended = rollout.ended ?? rollout.updated;
  const subject = `rollout:${rollout.app}@${rollout.environment}:${rollout.id}`;
  const trail = useInfiniteQuery({
    ...auditQuery(project, { subject, action: `rollout.${rollout.state}` }),
    enabled: may,
  });
  const who = trail.data?.pages[0]?.items[0]?.actor_name ?? "";
  const { app, environment, candidate, stable } = rollout;
  const window = { start: String(rollout.started), end: String(ended + LATE_MS) };
  const calls = tracesOf({ app, release: candidate, environment });
  const params = { project, app, release: `r${candidate}` };
  return (
    <div className={css.ended}>
      <p title={formatDateTime(ended)} data-testid="ended">
        {endedWords(rollout, who, now)}
      </p>
      {rollout.state === "rolled_back" && <p>{callsAt(rollout)}</p>}
      <p className={css.links}>
        {whatToLookAt(rollout).map(({ label, key, value }) => (
          <Link
            key={label}
            to="/p/$project/traces"
            params={{ project }}
            search={{ q: setOnly(calls, key, value), ...window }}
          >
            The {label} of r{candidate}
          </Link>
        ))}
        <Link to="/p/$project/traces" params={{ project }} search={{ q: calls, ...window }}>
          The calls of r{candidate}
        </Link>
        <Link
          to="/p/$project/apps/$app/releases/$release"
          params={params}
          search={stable === null ? {} : { against: `r${stable}` }}
        >
          What r{candidate} changed
        </Link>
        <Link to="/p/$project/apps/$app" params={{ project, app }} search={{ view: "draft" }}>
          Mend it in the draft
        </Link>
      </p>
    </div>
  );
}
