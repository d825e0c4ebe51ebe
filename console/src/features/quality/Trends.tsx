import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { qualityQuery } from "@/api/quality";
import type { QualityTrend } from "@/api/qualityTypes";
import type { Window } from "@/api/types";
import { scaleOf } from "@/features/rollouts/interval";
import { formatInt } from "@/lib/format";
import { Empty } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import { Whisker } from "@/ui/Whisker";
import css from "./quality.module.css";

interface Props {
  project: string;
  window: Window;
  app: string | undefined;
  score: string | undefined;
  onSearch: (change: { app?: string; score?: string }) => void;
}

/** Score by score, release after release: what changed when which release came. */
export function Trends({ project, window, app, score }: Props) {
  const found = useQuery(qualityQuery(project, window, app, score));
  if (found.isError) return <ProblemNotice error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton height={280} />;
  const { trends } = found.data;
  if (trends.length === 0) return <Nothing project={project} />;
  return (
    <div className={css.scores}>
      {trends.map((trend) => (
        <Trend key={`${trend.app} ${trend.score}`} trend={trend} />
      ))}
    </div>
  );
}

const print = (value: number | null) => (value === null ? "–" : Number(value.toPrecision(3)).toString());

function Trend({ trend }: { trend: QualityTrend }) {
  const scale = scaleOf(trend.points.map((each) => ({ low: each.low, high: each.high, mid: each.value })));
  return (
    <section className={css.score} aria-label={trend.score}>
      <h2>
        {trend.score} {trend.app && <span className="muted">of {trend.app}</span>}
      </h2>
      <ul className={css.releases}>
        {trend.points.map((point) => (
          <li key={`${point.release} ${point.start}`}>
            <strong>{point.release || "no release"}</strong>
            <Whisker
              name={point.release}
              value={point.value}
              low={point.low}
              high={point.high}
              scale={scale}
              print={print}
              n={`n ${formatInt(point.n)}`}
            />
            {point.unscored > 0 && <span className={css.missing}>{formatInt(point.unscored)} could not be scored</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Nothing({ project }: { project: string }) {
  return (
    <Empty title="Nothing was scored in this time">
      <p>
        Online rules let{" "}
        <Link to="/p/$project/scorers" params={{ project }} search={{}}>
          scorers
        </Link>{" "}
        look at a share of live answers within a budget, and people score in{" "}
        <Link to="/p/$project/review" params={{ project }} search={{}}>
          review
        </Link>
        . What they say is shown here by release, with intervals and with what could not be scored.
      </p>
    </Empty>
  );
}
