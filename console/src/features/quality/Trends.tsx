import { SegmentedControl, Select, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { qualityQuery, scoreNamesQuery } from "@/api/quality";
import type { QualityLine, QualityReport } from "@/api/qualityTypes";
import type { Window } from "@/api/types";
import { type Scale, scaleOf } from "@/features/rollouts/interval";
import { formatInt } from "@/lib/format";
import { Empty } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { Whisker } from "@/ui/Whisker";
import { Days } from "./Days";
import css from "./quality.module.css";
import { bySource, nameOf, print } from "./trend";

interface Props {
  project: string;
  window: Window;
  app: string | undefined;
  score: string | undefined;
  onSearch: (change: { app?: string; score?: string }) => void;
}

const BUTTONS = 5;

/** One score, release after release and day after day: did it change when a release came? */
export function Trends({ project, window, app, score, onSearch }: Props) {
  const known = useQuery(scoreNamesQuery(project, window));
  const names = (known.data?.items ?? []).map((each) => each.name);
  const chosen = score ?? names[0] ?? "";
  const found = useQuery(qualityQuery(project, window, app ?? "", chosen));
  if (known.isLoadingError) return <ProblemNotice error={known.error} retry={() => void known.refetch()} />;
  if (known.isPending) return <Skeleton height={280} />;
  if (chosen === "") return <Nothing project={project} />;
  return (
    <>
      <div className={css.bar}>
        {names.length <= BUTTONS && names.includes(chosen) ? (
          <SegmentedControl
            size="xs"
            aria-label="Score"
            data={names}
            value={chosen}
            onChange={(value) => onSearch({ score: value })}
          />
        ) : (
          <Select
            size="xs"
            aria-label="Score"
            data={names.includes(chosen) ? names : [chosen, ...names]}
            value={chosen}
            allowDeselect={false}
            searchable
            onChange={(value) => onSearch({ score: value ?? undefined })}
          />
        )}
      </div>
      <Pending of={found} height={240} />
      {found.data && (found.data.releases.length === 0 ? <Nothing project={project} /> : <Shown report={found.data} />)}
    </>
  );
}

function Shown({ report }: { report: QualityReport }) {
  const lines = [...report.releases, ...report.days].map(({ quality }) => quality);
  const scale = scaleOf(lines.map((each) => ({ low: each.low, high: each.high, mid: each.value })));
  return (
    <div className={css.scores}>
      <p className={css.says}>{report.says}</p>
      {bySource(report).map((part) => (
        <section key={part.source} className={css.score} aria-label={part.title}>
          <h2>{part.title}</h2>
          <ul className={css.releases} aria-label="Releases">
            {part.releases.map((line) => (
              <Release key={nameOf(line)} line={line} scale={scale} />
            ))}
          </ul>
          <p className="muted">
            Means with 95 % intervals, clustered by user.
            {judgesOf(part.releases).length > 0 && ` Judged by ${judgesOf(part.releases).join(", ")}.`}
          </p>
          <h3>Day by day</h3>
          <Days days={part.days} scale={scale} window={{ start: report.start, end: report.end }} />
        </section>
      ))}
    </div>
  );
}

const judgesOf = (lines: QualityLine[]) => [...new Set(lines.flatMap((line) => line.judges))];

function Release({ line, scale }: { line: QualityLine; scale: Scale }) {
  const { quality } = line;
  const name = nameOf(line);
  return (
    <li>
      <strong>{name}</strong>
      <Whisker
        name={name}
        value={quality.value}
        low={quality.low}
        high={quality.high}
        scale={scale}
        print={print}
        n={`n ${formatInt(quality.n)}`}
      />
      {quality.unscored > 0 && (
        <span className={css.missing}>
          {formatInt(quality.unscored)} could not be scored
          {quality.worst !== null && quality.best !== null
            ? `: had all of them been bad, or good, ${print(quality.worst)} to ${print(quality.best)}`
            : ""}
        </span>
      )}
      {quality.corrected !== null && (
        <span className={css.corrected} title={quality.method}>
          as people would have judged: <strong>{print(quality.corrected)}</strong>, {print(quality.corrected_low)} to{" "}
          {print(quality.corrected_high)}
        </span>
      )}
    </li>
  );
}

function Nothing({ project }: { project: string }) {
  return (
    <Empty title="Nothing was scored in this time">
      <p>
        <Link to="/p/$project/quality" params={{ project }} search={{ view: "rules" }}>
          Online rules
        </Link>{" "}
        let scorers look at a share of live answers within a budget, and people score in{" "}
        <Link to="/p/$project/review" params={{ project }} search={{}}>
          review
        </Link>
        . What they say is shown here by release, with intervals and with what could not be scored.
      </p>
    </Empty>
  );
}
