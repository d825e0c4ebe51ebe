import { Skeleton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Scale as ScaleIcon } from "lucide-react";
import { inProject, post } from "@/api/client";
import type { JudgeView } from "@/api/evaluationTypes";
import { calibrationsQuery } from "@/api/quality";
import type { CalibrationView, Figure } from "@/api/qualityTypes";
import { judgesQuery } from "@/api/suites";
import { percent } from "@/features/rollouts/words";
import { formatAgo, formatDateTime, formatInt } from "@/lib/format";
import { Empty, Tag } from "@/ui/bits";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { SHARE, Whisker } from "@/ui/Whisker";
import { WriteButton } from "@/ui/WriteButton";
import css from "./quality.module.css";

const KAPPA = { from: -0.2, to: 1 };
const kappa = (value: number | null) => (value === null ? "–" : value.toFixed(2));
const share = (value: number | null) => (value === null ? "–" : percent(value));

/** How far each judge agrees with people, version by version: a gate asks for it. */
export function Judges({ project }: { project: string }) {
  const judges = useQuery(judgesQuery(project));
  if (judges.isError || !judges.data) return <Pending of={judges} height={240} />;
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
  const queries = useQueryClient();
  const again = useMutation({
    mutationFn: () => post<unknown>(inProject(project, "judges", judge.name, "calibrations")),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["calibrations", project, judge.name] }),
  });
  const newest = found.data?.[0];
  return (
    <section className={css.score} aria-label={judge.scorer}>
      <div className={css.judgeHead}>
        <h2>
          {judge.scorer} <span className="muted">version {judge.version}</span>
        </h2>
        <WriteButton
          needs="evaluation:write"
          variant="default"
          leftSection={<ScaleIcon size={13} />}
          loading={again.isPending}
          onClick={() => again.mutate()}
        >
          Compare with people now
        </WriteButton>
      </div>
      {found.isError && <ProblemNotice error={found.error} retry={() => void found.refetch()} />}
      {again.isError && <ProblemNotice error={again.error} />}
      {found.isPending && <Skeleton height={40} />}
      {found.data?.length === 0 && (
        <p>
          <Tag tone="warn">not calibrated</Tag> Nobody has compared it with people: a gate refuses a suite that rests on
          it. Let a{" "}
          <Link to="/p/$project/review" params={{ project }} search={{}}>
            review queue
          </Link>{" "}
          ask the same question and name this judge there.
        </p>
      )}
      {newest && <Newest calibration={newest} />}
      {found.data && found.data.length > 1 && (
        <ul className={css.releases} aria-label="Earlier calibrations">
          {found.data.slice(1).map((each) => (
            <li key={each.id}>
              <span title={formatDateTime(each.created)}>
                {each.scorer_version} <span className="muted">{formatAgo(each.created, Date.now())}</span>
              </span>
              <One
                name={`Kappa of ${each.scorer_version}`}
                figure={each.figures.kappa}
                scale={KAPPA}
                print={kappa}
                n={`${formatInt(each.labels)} labels`}
              />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface OneProps {
  name: string;
  figure: Figure;
  scale: { from: number; to: number };
  print: (value: number | null) => string;
  n?: string;
}

const One = ({ name, figure, ...rest }: OneProps) => (
  <Whisker name={name} value={figure.value} low={figure.low} high={figure.high} {...rest} />
);

function Newest({ calibration }: { calibration: CalibrationView }) {
  const { figures } = calibration;
  const rates: [string, string, Figure][] = [
    ["Said the same", "The share of answers on which people and the judge agree.", figures.alike],
    ["Passes what people pass", "Sensitivity.", figures.sensitivity],
    ["Fails what people fail", "Specificity.", figures.specificity],
    ["Passes, corrected", figures.rogan_gladen.method, figures.rogan_gladen],
    ["Passes, with few labels and many verdicts", figures.prediction_powered.method, figures.prediction_powered],
  ];
  return (
    <>
      <p className="muted" title={formatDateTime(calibration.created)}>
        {calibration.scorer_version}, {formatInt(figures.labels)} answers judged by both,{" "}
        {formatAgo(calibration.created, Date.now())}
        {figures.disputed > 0 && `; ${formatInt(figures.disputed)} left out, people were split on them`}
      </p>
      {figures.drift.drifted && (
        <Notice tone="warn" title="It agrees less than it did">
          {figures.drift.says}
        </Notice>
      )}
      <div className={css.calibration}>
        <ul className={css.releases} aria-label="Agreement with people">
          <li>
            <strong>Kappa</strong>
            <One name="Kappa" figure={figures.kappa} scale={KAPPA} print={kappa} />
          </li>
          {rates.map(([name, about, figure]) => (
            <li key={name}>
              <span title={about}>{name}</span>
              <One name={name} figure={figure} scale={SHARE} print={share} />
            </li>
          ))}
          {(figures.segments ?? []).map((each) => (
            <li key={`${each.by} ${each.group}`}>
              <span>
                <span className="muted">{each.by}</span> {each.group}
              </span>
              <One
                name={each.group}
                figure={each.alike}
                scale={SHARE}
                print={share}
                n={`${formatInt(each.labels)} labels`}
              />
            </li>
          ))}
        </ul>
        <Confusion classes={figures.classes} counts={figures.confusion} />
      </div>
    </>
  );
}

function Confusion({ classes, counts }: { classes: string[]; counts: number[][] }) {
  if (classes.length === 0) return null;
  return (
    <table className={css.confusion} aria-label="Confusion">
      <thead>
        <tr>
          <th scope="col">people ↓ judge →</th>
          {classes.map((each) => (
            <th key={each} scope="col">
              {each}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {classes.map((each, i) => (
          <tr key={each}>
            <th scope="row">{each}</th>
            {classes.map((other, j) => (
              <td key={other} data-hit={i === j}>
                {formatInt(counts[i]?.[j] ?? 0)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
