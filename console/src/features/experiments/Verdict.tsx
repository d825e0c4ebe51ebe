import { Button, Menu } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { inProject, requestText, withQuery } from "@/api/client";
import type { ExperimentView, Report } from "@/api/evaluationTypes";
import { isRunning } from "@/api/experiments";
import { OutcomeSign } from "@/features/rollouts/Outcome";
import { formatInt, formatMs, formatPercent, plural } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Tag } from "@/ui/bits";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Acts } from "./Acts";
import css from "./experiments.module.css";
import { StateSign } from "./State";

interface Props {
  project: string;
  experiment: ExperimentView;
  report: Report | undefined;
}

/** The answer to why one came: the outcome in a word and a sentence; while it runs, how far it is. */
export function Verdict({ project, experiment, report }: Props) {
  return (
    <section className={css.verdict} aria-label="Outcome" data-testid="outcome" data-outcome={report?.outcome}>
      <div className={css.verdictHead}>
        {report ? (
          <h2>
            <OutcomeSign outcome={report.outcome} />
            <Tag tone={report.passed ? "accent" : "bad"}>{report.passed ? "passed" : "not passed"}</Tag>
            {report.drawn_of > 0 && (
              <Tag tone="warn" title="Such a run says nothing to a gate.">
                {formatInt(report.cases)} of {plural(report.drawn_of, "case")}
              </Tag>
            )}
          </h2>
        ) : (
          <h2>
            <StateSign state={experiment.state} />
          </h2>
        )}
        <Acts project={project} experiment={experiment} />
      </div>
      {report && <p className={css.says}>{report.says}</p>}
      {!report && experiment.reason && <p className={css.says}>{experiment.reason}</p>}
      {experiment.state !== "done" && <Progress experiment={experiment} />}
      <p className="muted">{counts(experiment, report)}</p>
      {experiment.unknown > 0 && (
        <Notice
          tone="warn"
          title={`Of ${plural(experiment.unknown, "call")} nobody knows whether ${experiment.unknown === 1 ? "it was" : "they were"} paid for`}
        >
          The server died while {experiment.unknown === 1 ? "it was" : "they were"} under way. They stand among those
          without an answer, and only you can say that they are to be asked again.
        </Notice>
      )}
      {report?.warnings && report.warnings.length > 0 && (
        <Notice tone="warn" title="Read it with this in mind">
          <ul className={css.warnings}>
            {report.warnings.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </Notice>
      )}
    </section>
  );
}

/** How much was asked, what it cost, and what is missing. */
function counts(experiment: ExperimentView, report: Report | undefined): string {
  const waiting = experiment.answered - experiment.done;
  const failed = experiment.failed - experiment.unknown;
  return [
    `${formatInt(experiment.done)} of ${formatInt(experiment.cells)} answers`,
    waiting > 0 && `${formatInt(waiting)} more wait for their judges`,
    failed > 0 && `${formatInt(failed)} without an answer`,
    experiment.unknown > 0 && `${formatInt(experiment.unknown)} unknown`,
    experiment.cost === null ? "not all prices are known" : `${formatMoney(experiment.cost)} spent`,
    experiment.spec.budget && `of at most ${formatMoney(experiment.spec.budget)}`,
    !report &&
      experiment.cases > 0 &&
      `only up to ${plural(experiment.cases, "case")}, drawn: it says nothing to a gate`,
    report && !report.correction.startsWith("none") && `corrected for several metrics: ${report.correction}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

function Progress({ experiment }: { experiment: ExperimentView }) {
  const part = (count: number) => (experiment.cells === 0 ? 0 : (100 * count) / experiment.cells);
  const share = part(experiment.done);
  return (
    <div>
      <div
        className={css.progress}
        role="progressbar"
        aria-label="Answers"
        aria-valuenow={Math.round(share)}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <span style={{ width: `${share}%` }} />
        <span style={{ width: `${part(experiment.answered - experiment.done)}%` }} data-waiting />
      </div>
      <p className="muted num" role="status">
        {formatPercent(experiment.done, experiment.cells)}
        {isRunning(experiment.state) &&
          (experiment.left_ms === null ? "" : `, about ${formatMs(experiment.left_ms)} left`)}
        {isRunning(experiment.state) && ". This page may be closed: it goes on."}
      </p>
    </div>
  );
}

/** Reports to take away, as the command line writes them. */
export function Downloads({ project, experiment }: { project: string; experiment: ExperimentView }) {
  const take = useMutation({
    mutationFn: async (format: "markdown" | "junit" | "json") => {
      const path = withQuery(inProject(project, "experiments", experiment.id, "report"), { format });
      const told = await requestText("GET", path);
      const text = format === "json" ? told : (JSON.parse(told) as { text: string }).text;
      save(text, `${experiment.suite}-${experiment.id}.${ENDINGS[format]}`);
    },
  });
  return (
    <>
      {take.isError && <ProblemNotice error={take.error} />}
      <Menu position="bottom-end" width={240}>
        <Menu.Target>
          <Button variant="default" size="sm" leftSection={<Download size={15} />} loading={take.isPending}>
            Report
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => take.mutate("markdown")}>Markdown, for a pull request</Menu.Item>
          <Menu.Item onClick={() => take.mutate("junit")}>JUnit, for CI</Menu.Item>
          <Menu.Item onClick={() => take.mutate("json")}>JSON, everything</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

const ENDINGS = { markdown: "md", junit: "xml", json: "json" };

function save(text: string, name: string) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
