import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { ExperimentView } from "@/api/evaluationTypes";
import { experimentQuery, isRunning } from "@/api/experiments";
import { type Example, type Line, type RedteamReport, redteamReportQuery, type Tally } from "@/api/redteam";
import { Verdict } from "@/features/experiments/Verdict";
import { percent, range } from "@/features/rollouts/words";
import { formatInt, plural } from "@/lib/format";
import { Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { SHARE, Whisker } from "@/ui/Whisker";
import { apartWords, boundsWords, decided, saysOf, worstFirst } from "./figures";
import css from "./redteam.module.css";

const ROUTE = "/inside/p/$project/red-team/$experiment";

/** "What broke through, how sure is that, and where can nobody say?" */
export function RunPage() {
  const { project, experiment: id } = useParams({ from: ROUTE });
  const found = useQuery(experimentQuery(project, id));
  const experiment = found.data;
  const report = useQuery({
    ...redteamReportQuery(project, id, experiment?.done ?? 0, experiment?.state ?? ""),
    enabled: experiment !== undefined,
  });
  return (
    <Page
      title={experiment ? `Red team: ${experiment.subjects.join(" and ")}` : "Red team"}
      lead={experiment && <Lead project={project} experiment={experiment} />}
    >
      {found.isError && <ProblemNotice error={found.error} retry={() => void found.refetch()} />}
      {report.isError && <ProblemNotice error={report.error} retry={() => void report.refetch()} />}
      {found.isPending && <Skeleton height={320} />}
      {experiment && experiment.state !== "done" && (
        <Verdict project={project} experiment={experiment} report={undefined} />
      )}
      {report.data && <Told project={project} report={report.data} running={experiment} />}
    </Page>
  );
}

function Lead({ project, experiment }: { project: string; experiment: ExperimentView }) {
  return (
    <>
      Attacks of{" "}
      <Link
        to="/p/$project/datasets/$dataset"
        params={{ project, dataset: experiment.dataset }}
        search={{ version: String(experiment.version) }}
      >
        {experiment.dataset}@{experiment.version}
      </Link>
      , run as{" "}
      <Link to="/p/$project/experiments/$experiment" params={{ project, experiment: experiment.id }} search={{}}>
        an experiment
      </Link>
    </>
  );
}

interface ToldProps {
  project: string;
  report: RedteamReport;
  running: ExperimentView | undefined;
}

function Told({ project, report, running }: ToldProps) {
  const { subjects } = report;
  return (
    <>
      {running && isRunning(running.state) && (
        <p className="muted" style={{ marginTop: 12 }}>
          So far; it is not done.
        </p>
      )}
      <div className={css.totals}>
        {report.total.map((tally, i) => (
          <Total key={subjects[i] ?? i} subject={subjects[i] ?? ""} tally={tally} />
        ))}
      </div>
      <p className="muted" style={{ marginTop: 8, maxWidth: 860 }}>
        Refused, blocked, undecided and failed attacks count neither as held nor as broken. The bounds are what the rate
        would be if all of them had held, and if none had. Intervals of 95 % take attacks of one template as one.
      </p>
      <Lines title="OWASP Top 10 for LLM applications" lines={report.owasp} subjects={subjects} named />
      <section className={css.section} aria-label="What broke through">
        <h2>What broke through, and what nobody could decide</h2>
        {report.examples.length === 0 ? (
          <p className="muted">Nothing.</p>
        ) : (
          <Panel>
            <DataTable
              label="Examples"
              columns={exampleColumns(project, report)}
              rows={[...report.examples]}
              rowKey={(row) => `${row.subject}/${row.case_id}`}
            />
          </Panel>
        )}
      </section>
      <Lines title="By family" lines={worstFirst(report.families)} subjects={subjects} />
      <Lines title="By disguise" lines={worstFirst(report.techniques)} subjects={subjects} />
    </>
  );
}

function Total({ subject, tally }: { subject: string; tally: Tally }) {
  return (
    <section className={css.total} aria-label={subject} data-testid="total">
      <h2>{subject}</h2>
      <div className={css.rate}>{tally.rate === null ? "not decided" : `${percent(tally.rate)} broke through`}</div>
      {tally.rate !== null && (
        <div className="num muted">
          {range(tally.low, tally.high, (value) => (value === null ? "–" : percent(value)))} with 95 % certainty
        </div>
      )}
      <div>{saysOf(tally)}</div>
      <div className="muted num">
        {plural(tally.attacks, "attack")}
        {apartWords(tally) && `: ${apartWords(tally)}`}
      </div>
      <div className="muted num">Least and most: {boundsWords(tally)}</div>
    </section>
  );
}

interface LinesProps {
  title: string;
  lines: readonly Line[];
  subjects: readonly string[];
  /** Categories have a name and a title. */
  named?: boolean;
}

function Lines({ title, lines, subjects, named = false }: LinesProps) {
  if (lines.length === 0) return null;
  const columns: Column<Line>[] = [
    {
      id: "name",
      label: named ? "category" : "attacks",
      cell: (row) => (
        <span className={css.what}>
          <strong>{named ? row.name : row.name.replaceAll("_", " ")}</strong> {row.title}
        </span>
      ),
    },
    ...subjects.map(
      (subject, i): Column<Line> => ({
        id: `subject-${i}`,
        label: subject,
        cell: (row) => <Rate name={`${row.name}, ${subject}`} line={row} tally={row.tallies[i]} />,
      }),
    ),
  ];
  return (
    <section className={css.section} aria-label={title}>
      <h2>{title}</h2>
      <Panel>
        <DataTable label={title} columns={columns} rows={[...lines]} rowKey={(row) => row.name} />
      </Panel>
    </section>
  );
}

const printRate = (value: number | null): string => (value === null ? "–" : percent(value));

function Rate({ name, line, tally }: { name: string; line: Line; tally: Tally | undefined }) {
  if (!tally || tally.attacks === 0) {
    return <span className="muted">{line.untested ? `not tested: ${line.untested}` : "no attack"}</span>;
  }
  return (
    <span className={css.cell}>
      {tally.rate === null ? (
        <span>not decided</span>
      ) : (
        <Whisker
          name={name}
          value={tally.rate}
          low={tally.low}
          high={tally.high}
          scale={SHARE}
          print={printRate}
          n={`n ${formatInt(decided(tally))}`}
        />
      )}
      <span className={`muted num ${css.small}`}>
        {[
          `${formatInt(tally.broken)} broken, ${formatInt(tally.held)} held`,
          apartWords(tally),
          tally.least !== tally.most && `least and most ${boundsWords(tally)}`,
        ]
          .filter(Boolean)
          .join(" · ")}
      </span>
    </span>
  );
}

function exampleColumns(project: string, report: RedteamReport): Column<Example>[] {
  return [
    {
      id: "trace",
      label: "attack",
      cell: (row) =>
        row.trace_id ? (
          <Link to="/p/$project/traces/$traceId" params={{ project, traceId: row.trace_id }} search={{}}>
            {row.case_id}
          </Link>
        ) : (
          row.case_id
        ),
    },
    {
      id: "became",
      label: "became",
      cell: (row) => <Tag tone={row.became === "broken" ? "bad" : "warn"}>{row.became}</Tag>,
    },
    { id: "of", label: "of", cell: (row) => report.subjects[row.subject] ?? "" },
    {
      id: "family",
      label: "family",
      cell: (row) => (
        <span style={{ whiteSpace: "nowrap" }}>
          {row.family.replaceAll("_", " ")}, {row.owasp}
        </span>
      ),
    },
    { id: "technique", label: "disguise", cell: (row) => row.technique.replaceAll("_", " ") || "none" },
    { id: "why", label: "why", cell: (row) => <span className={css.why}>{row.why}</span> },
  ];
}
