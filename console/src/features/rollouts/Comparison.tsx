import type { ArmValue, Evidence } from "@/api/releaseTypes";
import { formatInt } from "@/lib/format";
import { IntervalLine } from "./Interval";
import { scaleOf } from "./interval";
import { OutcomeSign } from "./Outcome";
import css from "./rollouts.module.css";
import { armWords, change, figure, levelWords, metricName, range } from "./words";

interface Props {
  evidence: readonly Evidence[];
  stable: string;
  candidate: string;
}

/** Metric by metric: both arms, how they differ, and what follows from it. */
export function Comparison({ evidence, stable, candidate }: Props) {
  const seen = evidence.filter((each) => each.stable.n + each.candidate.n > 0);
  const unseen = evidence.filter((each) => each.stable.n + each.candidate.n === 0);
  return (
    <ul className={css.metrics} aria-label="Comparison by metric">
      {seen.map((each) => (
        <Metric key={each.metric} evidence={each} stable={stable} candidate={candidate} />
      ))}
      {unseen.length > 0 && (
        <li className={css.unseen}>
          <OutcomeSign outcome="not_enough_data" />
          <span className="muted">
            Nothing observed in either release of: {unseen.map((each) => metricName(each.metric)).join(", ")}.
          </span>
        </li>
      )}
    </ul>
  );
}

function Metric({ evidence, stable, candidate }: { evidence: Evidence; stable: string; candidate: string }) {
  const arms = [
    { name: stable, arm: "stable" as const, value: evidence.stable },
    { name: candidate, arm: "candidate" as const, value: evidence.candidate },
  ];
  const scale = scaleOf(arms.map(({ value }) => ({ low: value.low, high: value.high, mid: value.value })));
  return (
    <li className={css.metric} data-metric={evidence.metric} data-outcome={evidence.outcome}>
      <div className={css.metricHead}>
        <h3>{metricName(evidence.metric)}</h3>
        <OutcomeSign outcome={evidence.outcome} />
        {evidence.difference === null ? (
          <p className="muted">{evidence.says}</p>
        ) : (
          <p className="sr-only">{evidence.says}</p>
        )}
      </div>
      <div className={css.arms}>
        {arms.map(({ name, arm, value }) => (
          <div key={arm} className={css.arm}>
            <span className={css.armName}>
              <span className={css.dot} data-arm={arm} aria-hidden="true" />
              {name}
            </span>
            <span className={`num ${css.value}`}>{figure(value.value, evidence.unit)}</span>
            <IntervalLine
              arm={arm}
              scale={scale}
              interval={{ low: value.low, high: value.high, mid: value.value }}
              label={`${name}: ${armWords(value, evidence.unit)}`}
            />
            <span
              className={`num muted ${css.n}`}
              title={`${formatInt(value.units)} users, sessions or calls by themselves`}
            >
              n {formatInt(value.n)}
            </span>
            <span className={`num muted ${css.ends}`}>{ends(value, evidence)}</span>
          </div>
        ))}
      </div>
      <Difference evidence={evidence} />
    </li>
  );
}

const ends = (arm: ArmValue, evidence: Evidence) =>
  arm.value === null ? "" : range(arm.low, arm.high, (value) => figure(value, evidence.unit));

function Difference({ evidence }: { evidence: Evidence }) {
  const print = (value: number | null) => change(value, evidence);
  // Where the margin lies: on the side that is worse.
  const margin = evidence.better === "lower" ? evidence.margin : -evidence.margin;
  const interval = { low: evidence.low, high: evidence.high, mid: evidence.difference };
  const scale = scaleOf([interval], [0, margin, -margin]);
  const told =
    evidence.difference === null
      ? "no difference can be told yet"
      : `${print(evidence.difference)}, ${range(evidence.low, evidence.high, print)}`;
  return (
    <div className={css.difference}>
      <span className={css.armName}>Difference</span>
      <span className={`num ${css.value}`}>{print(evidence.difference)}</span>
      <IntervalLine interval={interval} scale={scale} line={0} margin={margin} label={`Difference: ${told}`} />
      <span className={css.sides} aria-hidden="true">
        <span>{evidence.better === "lower" ? "better" : "worse"}</span>
        <span>{evidence.better === "lower" ? "worse" : "better"}</span>
      </span>
      <span className={`num muted ${css.ends}`}>
        {evidence.difference === null ? "" : `${range(evidence.low, evidence.high, print)} `}
        <span title={`At every moment at once, however often it is looked at.`}>
          ({levelWords(evidence.level)} interval; up to {print(margin)} counts as not worse)
        </span>
      </span>
    </div>
  );
}
