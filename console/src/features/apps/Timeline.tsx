import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Rocket } from "lucide-react";
import type { PlacementView, ReleaseRow } from "@/api/releaseTypes";
import { formatAgo, formatDateTime } from "@/lib/format";
import { Tag } from "@/ui/bits";
import { WriteButton } from "@/ui/WriteButton";
import css from "./apps.module.css";
import { ChangeWords } from "./Changes";
import { backWords, takenBack } from "./tried";
import { shareWords } from "./Where";

interface Props {
  project: string;
  app: string;
  releases: ReleaseRow[];
  placements: PlacementView[];
  onPromote: (number: number) => void;
  more?: { busy: boolean; load: () => void };
}

/** Every release, newest first: what it changed in words, by whom, and where it runs. */
export function Timeline({ project, app, releases, placements, onPromote, more }: Props) {
  const now = Date.now();
  return (
    <>
      <ol className={css.timeline} aria-label="Releases">
        {releases.map((release) => (
          <li
            key={release.number}
            className={css.event}
            data-live={release.runs_in.length > 0}
            data-release={release.ref}
          >
            <div className={css.mark}>
              <Link
                to="/p/$project/apps/$app/releases/$release"
                params={{ project, app, release: release.ref }}
                className={css.number}
              >
                {release.ref}
              </Link>
            </div>
            <div className={css.what}>
              <div className={css.eventHead}>
                <span className={css.message}>{release.message || "No message"}</span>
                {release.runs_in.map((environment) => (
                  <Tag key={environment} tone="accent">
                    {environment}
                  </Tag>
                ))}
                {takenBack(release).map((each) => (
                  <Tag key={`back-${each.environment}`} tone="bad">
                    rolled back from {each.environment}
                  </Tag>
                ))}
                {placements
                  .filter((each) => each.open?.candidate === release.number)
                  .map(({ environment, open }) => (
                    <Tag key={environment} tone="warn">
                      {environment}, {open && shareWords(open)}
                    </Tag>
                  ))}
                <WriteButton
                  needs="release:promote"
                  variant="subtle"
                  size="compact-xs"
                  leftSection={<Rocket size={12} />}
                  onClick={() => onPromote(release.number)}
                  aria-label={`Promote ${release.ref}`}
                >
                  Promote
                </WriteButton>
              </div>
              <p className={css.who} title={formatDateTime(release.created)}>
                {release.author_name}, {formatAgo(release.created, now)}
                {release.parent !== null && release.parent !== release.number - 1 && `, made from r${release.parent}`}
              </p>
              {takenBack(release).map((each) => (
                <p key={each.rollout} className={css.who}>
                  {backWords(each)}{" "}
                  <Link to="/p/$project/rollouts/$rollout" params={{ project, rollout: each.rollout }} activeProps={{}}>
                    What it was decided by
                  </Link>
                </p>
              ))}
              <ChangeWords words={release.changes} />
            </div>
          </li>
        ))}
      </ol>
      {more && (
        <Button variant="default" loading={more.busy} onClick={more.load}>
          Show earlier releases
        </Button>
      )}
    </>
  );
}
