import { Link } from "@tanstack/react-router";
import { LockKeyhole, Undo2 } from "lucide-react";
import type { EnvironmentView, PlacementView, ReleaseRow } from "@/api/releaseTypes";
import { formatAgo, formatDateTime } from "@/lib/format";
import { Tag } from "@/ui/bits";
import { WriteButton } from "@/ui/WriteButton";
import { inWords, isProtected } from "../environments/environmentForm";
import { RolloutState } from "../rollouts/State";
import { Figures } from "./AppsPage";
import css from "./apps.module.css";
import type { DayFigures } from "./figures";
import { NOTHING } from "./figures";
import { tracesOf } from "./links";
import { lastTakenBack } from "./tried";
import { shareWords } from "./Where";

interface Props {
  project: string;
  app: string;
  placements: PlacementView[];
  environments: EnvironmentView[];
  /** By environment and release: `production r12`. */
  figures: Map<string, DayFigures>;
  /** Those that are loaded, newest first. */
  releases: ReleaseRow[];
  onRollBack: (environment: string) => void;
}

/**
 * A card per environment: what runs there, since when, how it did in the last day, and what is on its way. The figures
 * are those of the release that is named: one that was tried beside it and went back is not to be laid at its door.
 */
export function Places({ project, app, placements, environments, figures, releases, onRollBack }: Props) {
  const now = Date.now();
  return (
    <section className={css.places} aria-label="Where it runs">
      {placements.map((placement) => {
        const { environment, stable, open } = placement;
        const told = environments.find((each) => each.name === environment);
        const back = lastTakenBack(releases, environment);
        return (
          <article key={environment} className={css.card} aria-label={environment} data-environment={environment}>
            <header className={css.cardHead}>
              <h2>
                {environment} {told?.default && <Tag tone="accent">default</Tag>}
              </h2>
              {told && isProtected(told.protection) && (
                <span title={inWords(told.protection)}>
                  <LockKeyhole size={14} aria-hidden="true" color="var(--text-3)" />
                  <span className="sr-only">protected</span>
                </span>
              )}
            </header>
            <div className={css.big}>
              {stable === null ? (
                <span className="muted">nothing</span>
              ) : (
                <Link to="/p/$project/apps/$app/releases/$release" params={{ project, app, release: `r${stable}` }}>
                  r{stable}
                </Link>
              )}
            </div>
            {stable !== null && (
              <p className="muted" title={formatDateTime(placement.updated)}>
                last changed {formatAgo(placement.updated, now)}
              </p>
            )}
            {open && (
              <Link to="/p/$project/rollouts/$rollout" params={{ project, rollout: open.id }} className={css.onItsWay}>
                <RolloutState state={open.state} /> r{open.candidate}, {shareWords(open)}
              </Link>
            )}
            {!open && back && (
              <Link
                to="/p/$project/rollouts/$rollout"
                params={{ project, rollout: back.tried.rollout }}
                className={css.onItsWay}
                title={back.tried.reason}
              >
                <RolloutState state="rolled_back" /> {back.release},{" "}
                {formatAgo(back.tried.ended ?? back.tried.started, now)}
              </Link>
            )}
            {stable !== null && (
              <>
                <Figures
                  project={project}
                  q={tracesOf({ app, environment, release: stable })}
                  figures={figures.get(`${environment} r${stable}`) ?? NOTHING}
                />
                <div>
                  <WriteButton
                    needs="release:promote"
                    variant="default"
                    leftSection={<Undo2 size={13} />}
                    why={placement.back_to === null ? "Nothing ran before what runs now." : undefined}
                    onClick={() => onRollBack(environment)}
                    aria-label={`Roll back ${environment}`}
                  >
                    Roll back
                  </WriteButton>
                </div>
              </>
            )}
          </article>
        );
      })}
    </section>
  );
}
