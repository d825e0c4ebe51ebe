import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { JudgeView } from "@/api/evaluationTypes";
import { calibrationsQuery } from "@/api/quality";
import { judgesQuery } from "@/api/suites";
import { formatAgo, formatInt } from "@/lib/format";
import { Empty, Tag } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import { Whisker } from "@/ui/Whisker";
import css from "./quality.module.css";

const KAPPA = { from: -0.2, to: 1 };
const print = (value: number | null) => (value === null ? "–" : value.toFixed(2));

/** How far each judge agrees with people, version by version: a gate asks for it. */
export function Judges({ project }: { project: string }) {
  const judges = useQuery(judgesQuery(project));
  if (judges.isError) return <ProblemNotice error={judges.error} retry={() => void judges.refetch()} />;
  if (!judges.data) return <Skeleton height={240} />;
  if (judges.data.length === 0)
    return (
      <Empty title="No judge yet">
        <p>
          Write one under{" "}
          <Link to="/p/$project/scorers" params={{ project }} search={{}}>
            Scorers
          </Link>
          . Once people and the judge have judged the same answers, how far they agree is shown here.
        </p>
      </Empty>
    );
  return (
    <div className={css.scores}>
      {judges.data.map((judge) => (
        <Judge key={judge.name} project={project} judge={judge} />
      ))}
    </div>
  );
}

function Judge({ project, judge }: { project: string; judge: JudgeView }) {
  const found = useQuery(calibrationsQuery(project, judge.name));
  const now = Date.now();
  return (
    <section className={css.score} aria-label={judge.scorer}>
      <h2>
        {judge.scorer} <span className="muted">version {judge.version}</span>
      </h2>
      {found.isError && <ProblemNotice error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Skeleton height={40} />}
      {found.data?.length === 0 && (
        <p>
          <Tag tone="warn">not calibrated</Tag> Nobody has compared it with people: a gate refuses a suite that rests on
          it. Let a review queue ask the same question and name this judge there.
        </p>
      )}
      <ul className={css.releases}>
        {found.data?.map((each) => (
          <li key={each.id}>
            <span>
              {each.scorer_version} <span className="muted">{formatAgo(each.created, now)}</span>
            </span>
            <Whisker
              name={`Kappa of ${each.scorer_version}`}
              value={each.kappa}
              low={each.kappa_low}
              high={each.kappa_high}
              scale={KAPPA}
              print={print}
              n={`${formatInt(each.labels)} labels`}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}
