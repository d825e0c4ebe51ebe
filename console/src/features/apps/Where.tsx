import { Link } from "@tanstack/react-router";
import { Circle, CircleDashed, Waypoints } from "lucide-react";
import type { PlacementView, RolloutView } from "@/api/releaseTypes";
import { kindOf, percent } from "../rollouts/words";
import css from "./apps.module.css";

/** What every environment runs of an app, and what is on its way there. */
export function Where({ project, app, placements }: { project: string; app: string; placements: PlacementView[] }) {
  return (
    <ul className={css.where} aria-label={`Where ${app} runs`}>
      {placements.map(({ environment, stable, open }) => {
        const Icon = open ? Waypoints : stable === null ? CircleDashed : Circle;
        return (
          <li key={environment} className={css.place} data-empty={stable === null}>
            <Icon size={12} aria-hidden="true" />
            {environment}
            {stable === null ? (
              <span className="muted">nothing</span>
            ) : (
              <Link to="/p/$project/apps/$app/releases/$release" params={{ project, app, release: `r${stable}` }}>
                <strong>r{stable}</strong>
              </Link>
            )}
            {open && (
              <Link to="/p/$project/rollouts/$rollout" params={{ project, rollout: open.id }}>
                → r{open.candidate} {open.state === "held" ? "held at " : ""}
                {shareWords(open)}
              </Link>
            )}
          </li>
        );
      })}
    </ul>
  );
}

export function shareWords(rollout: RolloutView): string {
  const kind = kindOf(rollout.plan);
  if (kind === "shadow") return `${percent(rollout.share)} copied`;
  return kind === "segments" ? "for segments" : percent(rollout.share);
}
