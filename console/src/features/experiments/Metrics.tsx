import type { Estimate, MetricReport } from "@/api/evaluationTypes";
import { IntervalLine } from "@/features/rollouts/Interval";
import { type Scale, scaleOf } from "@/features/rollouts/interval";
import { OutcomeSign } from "@/features/rollouts/Outcome";
import lines from "@/features/rollouts/rollouts.module.css";
import { range } from "@/features/rollouts/words";
import { formatInt, plural } from "@/lib/format";
import { Tag } from "@/ui/bits";
import css from "./experiments.module.css";
import { BOUNDS, ends, estimateWords, figure, metricTitle, missingWords, pWords, shortNames, signed } from "./figures";

interface Props {
  metrics: readonly MetricReport[];
  subjects: readonly string[];
  alpha: number;
}

/** Metric by metric: both subjects with their intervals on one line, the difference with what counts as not worse. */
export function Metrics({ metrics, subjects, alpha }: Props) {
  return (
    <ul className={`${lines.metrics} ${css.metrics}`} aria-label="Metrics">
      {metrics.map((metric) => (
        <Metric key={metric.name} metric={metric} subjects={subjects} alpha={alpha} />
      ))}
    </ul>
  );
}

function Metric({ metric, subjects, alpha }: { metric: MetricReport; subjects: readonly string[]; alpha: number }) {
  const names = shortNames(subjects);
  const arms = [
    { name: subjects[0] ?? "", short: names[0] ?? "", arm: "candidate" as const, value: metric.a },
    ...(metric.b ? [{ name: subjects[1] ?? "", short: names[1] ?? "", arm: "stable" as const, value: metric.b }] : []),
  ];
  const scale = scaleOf(arms.map(({ value }) => ({ low: value.low, high: value.high, mid: value.value })));
  return (
    <li className={lines.metric} data-metric={metric.name} data-outcome={metric.outcome ?? undefined}>
      <div className={lines.metricHead}>
        <h3>{metricTitle(metric.name)}</h3>
        <span className={css.tags}>
          {metric.outcome && <OutcomeSign outcome={metric.outcome} />}
          {metric.bound && (
            <Tag tone={metric.bound === "missed" ? "bad" : metric.bound === "met" ? "accent" : undefined}>
              {BOUNDS[metric.bound]}
            </Tag>
          )}
          {!metric.required && <Tag title="The outcome of the suite does not rest on it.">not required</Tag>}
        </span>
        {metric.says && <p className="muted">{metric.says}</p>}
      </div>
      <div className={lines.arms}>
        {arms.map((each) => (
          <Arm key={each.arm} {...each} unit={metric.unit} scale={scale} />
        ))}
      </div>
      {metric.b ? <Difference metric={metric} names={names} alpha={alpha} /> : <Method metric={metric} alpha={alpha} />}
    </li>
  );
}

interface ArmProps {
  name: string;
  short: string;
  arm: "candidate" | "stable";
  value: Estimate;
  unit: MetricReport["unit"];
  scale: Scale;
}

function Arm({ name, short, arm, value, unit, scale }: ArmProps) {
  const missing = missingWords(value, unit);
  return (
    <div className={lines.arm}>
      <span className={lines.armName} title={name}>
        <span className={lines.dot} data-arm={arm} aria-hidden="true" />
        <span className="ellipsis">{short}</span>
      </span>
      <span className={`num ${lines.value}`}>{figure(value.value, unit)}</span>
      <IntervalLine arm={arm} scale={scale} interval={drawn(value)} label={`${name}: ${estimateWords(value, unit)}`} />
      <span className={`num muted ${lines.n}`} title={`in ${plural(value.clusters, "independent group")}`}>
        n {formatInt(value.n)}
      </span>
      <span className={`num muted ${lines.ends}`}>{ends(value, unit)}</span>
      {missing && (
        <span className={`${lines.ends} ${css.missing}`} data-testid="missing">
          {missing}
        </span>
      )}
    </div>
  );
}

/** A value without an interval is a dot, not a line from end to end. */
const drawn = ({ value, low, high }: Estimate) =>
  low === null && high === null ? { low: value, high: value, mid: value } : { low, high, mid: value };

const level = (alpha: number) => `${Number((100 * (1 - alpha)).toFixed(2))} %`;

function Difference({ metric, names, alpha }: { metric: MetricReport; names: string[]; alpha: number }) {
  const print = (value: number | null) => signed(value, metric);
  const { difference = null, low = null, high = null } = metric;
  // Where the margin lies: on the side that is worse.
  const margin = metric.margin == null ? null : metric.better === "lower" ? metric.margin : -metric.margin;
  const interval = { low, high, mid: difference };
  const scale = scaleOf([interval], margin === null ? [0] : [0, margin, -margin]);
  const told = difference === null ? "cannot be told" : `${print(difference)}, ${range(low, high, print)}`;
  return (
    <div className={lines.difference}>
      <span className={lines.armName} title={`${names[0]} minus ${names[1]}`}>
        difference
      </span>
      <span className={`num ${lines.value}`}>{print(difference)}</span>
      <IntervalLine
        interval={interval}
        scale={scale}
        line={0}
        margin={margin}
        label={`${names[0]} minus ${names[1]}: ${told}`}
      />
      {metric.better && (
        <span className={lines.sides} aria-hidden="true">
          <span>{metric.better === "lower" ? "better" : "worse"}</span>
          <span>{metric.better === "lower" ? "worse" : "better"}</span>
        </span>
      )}
      <span className={`muted ${lines.ends}`}>
        {difference !== null && (
          <span>
            {range(low, high, print)} ({level(alpha)} interval
            {metric.pairs ? `, ${plural(metric.pairs, "pair")}` : ""}).{" "}
          </span>
        )}
        {margin !== null && <span>Up to {print(margin)} counts as not worse. </span>}
        <Needed metric={metric} />
      </span>
      <Method metric={metric} alpha={alpha} />
    </div>
  );
}

function Needed({ metric }: { metric: MetricReport }) {
  if (!metric.needed || metric.outcome !== "not_enough_data") return null;
  return <strong>About {plural(metric.needed, "case")} would be needed to tell.</strong>;
}

function Method({ metric, alpha }: { metric: MetricReport; alpha: number }) {
  const tested = [pWords(metric.p), metric.adjusted != null && `adjusted ${pWords(metric.adjusted)}`].filter(Boolean);
  if (!metric.method && tested.length === 0) return null;
  return (
    <span className={`muted ${metric.b ? lines.ends : ""} ${css.method}`}>
      {[metric.method, ...tested].filter(Boolean).join(" · ")}
      {metric.b ? "" : ` · ${level(alpha)} interval`}
    </span>
  );
}
