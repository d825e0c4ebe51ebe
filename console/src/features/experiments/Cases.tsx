import { SegmentedControl, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { caseQuery } from "@/api/datasets";
import type { CaseDelta, Cell, ExperimentView, MetricReport, Report } from "@/api/evaluationTypes";
import { cellsQuery } from "@/api/experiments";
import { DiffText } from "@/features/compare/DiffText";
import { formatMs, plural } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Empty, Tag } from "@/ui/bits";
import { Pending } from "@/ui/Pending";
import { VirtualList } from "@/ui/VirtualList";
import { WithPeek } from "@/ui/WithPeek";
import { inputText, jsonText } from "../datasets/words";
import css from "./experiments.module.css";
import { badness, byWorst, figure, metricTitle, shortNames, signed, tally, tallyWords } from "./figures";

export type CaseView = "all" | "worse" | "flaky";

interface Props {
  project: string;
  experiment: ExperimentView;
  report: Report;
  metric: string;
  view: CaseView;
  selected: string;
  onMetric: (metric: string) => void;
  onView: (view: CaseView) => void;
  onSelect: (caseId: string) => void;
}

/** Which cases got worse: a list by how much, and the answers to the selected one side by side. */
export function Cases(props: Props) {
  const { project, experiment, report, view, selected } = props;
  const metric = report.metrics.find((each) => each.name === props.metric) ?? report.metrics[0];
  if (!metric) return <p className="muted">No metric was asked for.</p>;
  const all = byWorst(report.deltas ?? [], metric);
  const rows = narrowed(all, report, metric, view);
  return (
    <>
      <div className={css.filters}>
        <Select
          size="xs"
          w={220}
          aria-label="Metric"
          data={report.metrics.map((each) => ({ value: each.name, label: metricTitle(each.name) }))}
          value={metric.name}
          allowDeselect={false}
          onChange={(value) => value && props.onMetric(value)}
        />
        <SegmentedControl
          size="xs"
          aria-label="Which cases"
          data={[
            { value: "all", label: `All ${all.length}` },
            ...(report.subjects.length > 1 ? [{ value: "worse", label: "Got worse" }] : []),
            { value: "flaky", label: "Flaky" },
          ]}
          value={view}
          onChange={(value) => props.onView(value as CaseView)}
        />
        {report.subjects.length > 1 && <span className="muted num">{tallyWords(tally(all, metric.better))}</span>}
      </div>
      <WithPeek
        title={selected}
        label="The selected case"
        onClose={() => props.onSelect("")}
        peek={
          selected ? <CaseDetail project={project} experiment={experiment} caseId={selected} metric={metric} /> : null
        }
      >
        {rows.length === 0 ? (
          <Empty title={view === "flaky" ? "No flaky case" : "No case here"}>
            <p>{emptyWords(view, report)}</p>
          </Empty>
        ) : (
          <VirtualList
            label="Cases, worst first"
            rows={rows}
            rowKey={(row) => row.case_id}
            height={38}
            selected={selected}
            onSelect={props.onSelect}
            onClose={() => props.onSelect("")}
            foot={<span className="num">{plural(rows.length, "case")}, worst first</span>}
          >
            {(row) => <CaseRow row={row} metric={metric} report={report} />}
          </VirtualList>
        )}
      </WithPeek>
    </>
  );
}

function narrowed(all: CaseDelta[], report: Report, metric: MetricReport, view: CaseView): CaseDelta[] {
  if (view === "worse") return all.filter((row) => (badness(row.delta, metric.better) ?? 0) > 0);
  if (view !== "flaky") return all;
  const flaky = (report.flaky ?? []).filter((each) => each.metric === metric.name);
  // Of one subject alone there are no differences to list.
  return [...new Set(flaky.map((each) => each.case_id))].map((id) => {
    const own = flaky.find((each) => each.case_id === id && each.subject === 0);
    const a = own ? own.passes / own.repeats : null;
    return all.find((row) => row.case_id === id) ?? { case_id: id, metric: metric.name, a, b: null, delta: null };
  });
}

function emptyWords(view: CaseView, report: Report): string {
  if (view === "flaky")
    return report.repeats > 1
      ? "No case passed in one repeat and failed in another."
      : "Each case was asked once. Set repeats in the suite to 3 or more to find the cases whose answers disagree.";
  return view === "worse" ? "By this metric no case got worse." : "This metric has no value for any case.";
}

function CaseRow({ row, metric, report }: { row: CaseDelta; metric: MetricReport; report: Report }) {
  const bad = badness(row.delta, metric.better);
  const flaky = (report.flaky ?? []).filter((each) => each.case_id === row.case_id && each.metric === metric.name);
  return (
    <span className={css.caseRow} data-bad={bad !== null && bad > 0}>
      <span className="ellipsis mono">{row.case_id}</span>
      {flaky.map((each) => (
        <Tag key={each.subject} tone="warn" title={`${report.subjects[each.subject] ?? ""}: repeats disagree`}>
          {shortNames(report.subjects)[each.subject]} {each.passes}/{each.repeats}
        </Tag>
      ))}
      <span className="num">
        {figure(row.a, metric.unit)}
        {report.subjects.length > 1 && <span className="muted"> ← {figure(row.b, metric.unit)}</span>}
      </span>
      {report.subjects.length > 1 && (
        <strong className={`num ${css.delta}`}>
          {row.delta === null ? <span className="muted">–</span> : signed(row.delta, { ...metric, relative: false })}
        </strong>
      )}
    </span>
  );
}

interface DetailProps {
  project: string;
  experiment: ExperimentView;
  caseId: string;
  metric: MetricReport;
}

function CaseDetail({ project, experiment, caseId, metric }: DetailProps) {
  const cells = useQuery(cellsQuery(project, experiment.id, caseId));
  const found = useQuery(caseQuery(project, experiment.dataset, String(experiment.version), caseId));
  const subjects = experiment.subjects.map((_, i) => (cells.data ?? []).filter((cell) => cell.subject === i));
  const [a, b] = subjects;
  return (
    <>
      {found.data && (
        <section className={css.part} aria-label="What was asked">
          <h3>Asked</h3>
          <div className={css.words}>{inputText(found.data.input)}</div>
          {found.data.expected != null && (
            <>
              <h3>Expected</h3>
              <div className={css.words}>{jsonText(found.data.expected)}</div>
            </>
          )}
        </section>
      )}
      <Pending of={cells} height={160} />
      {cells.data && (
        <div className={css.sides} data-count={subjects.length}>
          {subjects.map((of, i) => (
            <section key={i} className={css.part} aria-label={`Answers of ${experiment.subjects[i]}`}>
              <h3 className="mono">{experiment.subjects[i]}</h3>
              {of.map((cell) => (
                <Answer key={cell.repeat} project={project} cell={cell} several={of.length > 1} metric={metric.name} />
              ))}
              {of.length === 0 && <p className="muted">Not asked yet.</p>}
            </section>
          ))}
        </div>
      )}
      {a?.[0]?.output != null && b?.[0]?.output != null && a[0].output !== b[0].output && (
        <section className={css.part} aria-label={`What ${experiment.subjects[0]} says otherwise`}>
          <h3>What {experiment.subjects[0]} says otherwise</h3>
          <DiffText a={b[0].output} b={a[0].output} testId="answer-diff" />
        </section>
      )}
    </>
  );
}

function Answer({ project, cell, several, metric }: { project: string; cell: Cell; several: boolean; metric: string }) {
  const scores = [...(cell.scores ?? [])].sort((x, y) => Number(y.name === metric) - Number(x.name === metric));
  return (
    <div className={css.answer}>
      {several && <span className="muted">repeat {cell.repeat + 1}</span>}
      {cell.state === "pending" && <span className="muted">Not answered yet.</span>}
      {cell.state === "failed" && (
        <p className={css.failed}>
          <Tag tone="bad">no answer</Tag> {cell.error}
        </p>
      )}
      {cell.output != null && <div className={css.words}>{cell.output || <em className="muted">(empty)</em>}</div>}
      <ul className={css.scores} aria-label="Scores">
        {scores.map((score) => (
          <li key={score.name}>
            <span>{score.name}</span>
            {score.unscored ? (
              <Tag tone="warn" title={score.unscored}>
                could not score
              </Tag>
            ) : (
              <strong className="num">
                {score.label || (score.value == null ? "–" : Number(score.value.toPrecision(3)))}
              </strong>
            )}
            {(score.unscored || score.explanation) && <p className="muted">{score.unscored || score.explanation}</p>}
          </li>
        ))}
      </ul>
      <span className={`muted ${css.facts}`}>
        {[
          cell.cached ? "kept from an earlier run" : "",
          cell.latency_ms == null ? "" : formatMs(cell.latency_ms),
          cell.cost === undefined ? "" : formatMoney(cell.cost),
        ]
          .filter(Boolean)
          .join(" · ")}{" "}
        {cell.trace_id && (
          <Link to="/p/$project/traces/$traceId" params={{ project, traceId: cell.trace_id }}>
            trace
          </Link>
        )}
      </span>
    </div>
  );
}
