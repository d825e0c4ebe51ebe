import { Button } from "@mantine/core";
import type { Report } from "@/api/evaluationTypes";
import { formatInt, plural } from "@/lib/format";
import css from "./experiments.module.css";
import { estimateWords, metricTitle } from "./figures";

interface Props {
  report: Report;
  onCases: (metric: string) => void;
}

/** How far answers to one case agree with each other; only where each case was asked more than once. */
export function Steadiness({ report, onCases }: Props) {
  if (report.pass_k.length === 0) return null;
  return (
    <section className={css.section} aria-label="How steady it is">
      <h2>How steady it is</h2>
      <p className="muted">The chance that all of k answers to a case pass (pass^k), and that at least one does.</p>
      <PassK report={report} />
      <Flaky report={report} onCases={onCases} />
    </section>
  );
}

function PassK({ report }: { report: Report }) {
  return (
    <div className={css.scroll} role="region" aria-label="pass^k, scrolling sideways" tabIndex={0}>
      <table className={css.table}>
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col">Of</th>
            <th scope="col">k</th>
            <th scope="col">All pass</th>
            <th scope="col">One passes</th>
          </tr>
        </thead>
        <tbody>
          {report.pass_k.map((row) => (
            <tr key={`${row.metric} ${row.subject} ${row.k}`}>
              <td>{metricTitle(row.metric)}</td>
              <td>{report.subjects[row.subject] ?? row.subject}</td>
              <td className="num">{row.k}</td>
              <td className="num">{estimateWords(row.all_of, "share")}</td>
              <td className="num">{estimateWords(row.any_of, "share")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** By metric, how many cases passed in one repeat and failed in another. */
function Flaky({ report, onCases }: Props) {
  const cases = new Map<string, Set<string>>();
  for (const each of report.flaky)
    cases.set(each.metric, (cases.get(each.metric) ?? new Set<string>()).add(each.case_id));
  if (cases.size === 0) return <p className="muted">No case passed in one repeat and failed in another.</p>;
  return (
    <p className={css.flaky}>
      {[...cases].map(([metric, ids]) => (
        <span key={metric}>
          {plural(ids.size, "case")} of {formatInt(report.cases)} passed in one repeat and failed in another by{" "}
          {metricTitle(metric)}.{" "}
          <Button variant="default" size="compact-xs" onClick={() => onCases(metric)}>
            Show {ids.size === 1 ? "it" : "them"}
          </Button>
        </span>
      ))}
    </p>
  );
}
