import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ExperimentView, Report } from "@/api/evaluationTypes";
import { experimentQuery, reportQuery } from "@/api/experiments";
import { formatDateTime, formatInt, plural } from "@/lib/format";
import { useShortcuts } from "@/lib/hooks";
import { Facts } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { Cases, type CaseView } from "./Cases";
import { Changed } from "./Changed";
import css from "./experiments.module.css";
import { Metrics } from "./Metrics";
import { Steadiness } from "./Steadiness";
import { Downloads, Verdict } from "./Verdict";

const ROUTE = "/inside/p/$project/experiments/$experiment";

/** "Is A at least as good as B, how sure is that, and on which cases is it not?" */
export function ExperimentPage() {
  const { project, experiment: id } = useParams({ from: ROUTE });
  const search = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: "/p/$project/experiments/$experiment" });
  const found = useQuery(experimentQuery(project, id));
  const experiment = found.data;
  const report = useQuery(reportQuery(project, id, experiment?.state === "done"));
  const patch = (change: Partial<typeof search>, replace = false) =>
    void navigate({ search: (prev) => ({ ...prev, ...change }), replace });
  useShortcuts({ Escape: () => search.case && patch({ case: undefined }) });
  return (
    <Page
      title={experiment ? experiment.suite : "Experiment"}
      lead={experiment && <Lead project={project} experiment={experiment} />}
      actions={experiment?.state === "done" && <Downloads project={project} experiment={experiment} />}
    >
      <Pending of={found} height={420} />
      {experiment && (
        <>
          <Verdict project={project} experiment={experiment} report={report.data} />
          {report.isError && <ProblemNotice error={report.error} retry={() => void report.refetch()} />}
          {report.isLoading && <Skeleton height={240} mt={16} />}
          {report.data && (
            <>
              <section className={css.section} aria-label="What was measured">
                <h2>Metrics</h2>
                <Metrics metrics={report.data.metrics} subjects={report.data.subjects} alpha={report.data.alpha} />
              </section>
              <Steadiness report={report.data} onCases={(metric) => patch({ metric, cases: "flaky" })} />
              <Changed report={report.data} onSelect={(next) => patch({ case: next })} />
              <section className={css.section} aria-label="Case by case">
                <h2>Cases</h2>
                <Cases
                  project={project}
                  experiment={experiment}
                  report={report.data}
                  metric={search.metric ?? firstMetric(report.data)}
                  view={viewOf(search.cases)}
                  selected={search.case ?? ""}
                  onMetric={(metric) => patch({ metric })}
                  onView={(view) => patch({ cases: view === "all" ? undefined : view })}
                  onSelect={(next) => patch({ case: next || undefined }, Boolean(search.case && next))}
                />
              </section>
            </>
          )}
          <About experiment={experiment} />
        </>
      )}
    </Page>
  );
}

const viewOf = (text: string | undefined): CaseView => (text === "worse" || text === "flaky" ? text : "all");

/** What decides the outcome is shown first: a required metric, of these one that got worse. */
function firstMetric(report: Report): string {
  const required = report.metrics.filter((each) => each.required);
  return (required.find((each) => each.outcome === "worse") ?? required[0] ?? report.metrics[0])?.name ?? "";
}

function Lead({ project, experiment }: { project: string; experiment: ExperimentView }) {
  return (
    <>
      {experiment.subjects.map((subject, i) => (
        <span key={i}>
          {i > 0 && " against "}
          <Subject project={project} subject={subject} />
        </span>
      ))}{" "}
      on{" "}
      <Link
        to="/p/$project/datasets/$dataset"
        params={{ project, dataset: experiment.dataset }}
        search={{ version: String(experiment.version) }}
      >
        {experiment.dataset}@{experiment.version}
      </Link>
      , suite{" "}
      <Link to="/p/$project/suites/$suite" params={{ project, suite: experiment.suite }}>
        {experiment.suite}
      </Link>
    </>
  );
}

/** A release leads to its page; a model is only named. */
function Subject({ project, subject }: { project: string; subject: string }) {
  const release = /^([a-z0-9][a-z0-9._-]*)@(r\d+)$/.exec(subject);
  if (!release?.[1] || !release[2]) return <strong>{subject}</strong>;
  return (
    <Link
      to="/p/$project/apps/$app/releases/$release"
      params={{ project, app: release[1], release: release[2] }}
      search={{}}
    >
      <strong>{subject}</strong>
    </Link>
  );
}

const ORIGINS: Record<string, string> = { person: "a person", ci: "a program in CI", schedule: "a schedule" };

function About({ experiment }: { experiment: ExperimentView }) {
  const { spec } = experiment;
  const [first] = experiment.subjects;
  return (
    <section className={css.section} aria-label="About">
      <h2>About</h2>
      <div className={css.card}>
        <Facts
          rows={[
            ["Asked for by", `${experiment.author_name}, ${ORIGINS[experiment.origin] ?? experiment.origin}`],
            ["Made", formatDateTime(experiment.created)],
            ["Ended", experiment.ended !== null && formatDateTime(experiment.ended)],
            ["Repeats", plural(spec.repeats ?? 1, "answer")],
            [
              "Tried",
              experiment.called
                .map((each) => (each.name === each.model ? each.model : `${each.model} (asked for as ${each.name})`))
                .join(", "),
            ],
            ["Rule", `${first} must ${spec.rule === "better" ? "be better" : "not be worse"}`],
            ["Cases", experiment.cases > 0 && `at most ${formatInt(experiment.cases)}, drawn by their ids`],
            ["Answers", experiment.fresh && "all asked for anew, none kept from earlier runs"],
            ["Scorers", spec.scorers.map((each) => each.name || each.scorer).join(", ")],
            ["Split", spec.split],
            ["Id", <code key="id">{experiment.id}</code>],
            ["Again", <code key="cli">{cli(experiment)}</code>],
          ]}
        />
      </div>
    </section>
  );
}

function cli(experiment: ExperimentView): string {
  const [a, b] = experiment.subjects;
  return `trimtab eval ${experiment.suite} --release ${a}${b ? ` --against ${b}` : ""}`;
}
