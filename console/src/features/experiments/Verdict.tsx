import { Button, Menu } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleStop, Download, Play } from "lucide-react";
import { useState } from "react";
import { inProject, post, requestText, withQuery } from "@/api/client";
import type { ExperimentView, Report } from "@/api/evaluationTypes";
import { experimentsKey, isRunning } from "@/api/experiments";
import { OutcomeSign } from "@/features/rollouts/Outcome";
import { formatInt, formatMs, formatPercent } from "@/lib/format";
import { formatUsd } from "@/lib/money";
import { Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";
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
      <p className="muted">
        {[
          `${formatInt(experiment.done)} of ${formatInt(experiment.cells)} answers`,
          experiment.failed > 0 && `${formatInt(experiment.failed)} without an answer`,
          `${formatUsd(experiment.cost)} spent`,
          experiment.spec.budget && `of at most ${formatUsd(experiment.spec.budget)}`,
          report && !report.correction.startsWith("none") && `corrected for several metrics: ${report.correction}`,
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
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

function Progress({ experiment }: { experiment: ExperimentView }) {
  const share = experiment.cells === 0 ? 0 : (100 * experiment.done) / experiment.cells;
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

function Acts({ project, experiment }: { project: string; experiment: ExperimentView }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const act = useMutation({
    mutationFn: (verb: "cancel" | "resume") =>
      post<ExperimentView>(inProject(project, "experiments", experiment.id, verb)),
    onSuccess: async () => {
      setAsking(false);
      await queries.invalidateQueries({ queryKey: experimentsKey(project) });
    },
  });
  const stopped = ["paused", "failed", "cancelled"].includes(experiment.state);
  return (
    <div className={css.acts}>
      {isRunning(experiment.state) && (
        <WriteButton variant="default" size="sm" leftSection={<CircleStop size={15} />} onClick={() => setAsking(true)}>
          Cancel…
        </WriteButton>
      )}
      {stopped && (
        <WriteButton size="sm" leftSection={<Play size={15} />} onClick={() => act.mutate("resume")}>
          Resume
        </WriteButton>
      )}
      {act.isError && !asking && <ProblemNotice error={act.error} />}
      <Confirm
        opened={asking}
        title="Cancel this experiment?"
        action="Cancel it"
        busy={act.isPending}
        error={act.error}
        onConfirm={() => act.mutate("cancel")}
        onClose={() => setAsking(false)}
      >
        What was answered stays and is not paid again when you resume it. There is no outcome until it is done.
      </Confirm>
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
