import { Link } from "@tanstack/react-router";
import type { PolicyLine, PolicyPlan } from "@/api/policies";
import css from "./policies.module.css";

const WORDS: Record<PolicyLine["outcome"], string> = {
  refused: "refused",
  rerouted: "sent elsewhere",
  allowed_again: "allowed again",
  unchanged: "unchanged",
  unknown: "unknown",
};
const number = new Intl.NumberFormat("en-US");

/** What policies would have done with recorded calls: how many, which, and a trace of each kind. */
export function PlanView({ project, plan }: { project: string; plan: PolicyPlan }) {
  const { effect } = plan;
  const counts: [string, number][] = [
    ["calls last week", effect.calls],
    ["would have been refused", effect.refused],
    ["sent to another model", effect.rerouted],
    ["allowed again", effect.allowed_again],
  ];
  return (
    <section className={css.plan} aria-label="What it would have done">
      <dl className={css.counts}>
        {counts.map(([name, count]) => (
          <div key={name}>
            <dd>{number.format(count)}</dd>
            <dt>{name}</dt>
          </div>
        ))}
      </dl>
      {effect.lines.length > 0 && (
        <div className={css.scroll} tabIndex={0} role="region" aria-label="Kinds of calls that change">
          <table className={css.table}>
            <thead>
              <tr>
                <th>Calls</th>
                <th>Would be</th>
                <th>Model</th>
                <th>Class</th>
                <th>Key</th>
                <th>App</th>
                <th>By</th>
                <th>For example</th>
              </tr>
            </thead>
            <tbody>
              {effect.lines.map((line) => (
                <tr key={`${line.trace_id}/${line.model}/${line.chosen}`}>
                  <td className="num">{number.format(line.calls)}</td>
                  <td data-outcome={line.outcome}>
                    {line.outcome === "rerouted" ? `sent to ${line.to}` : WORDS[line.outcome]}
                  </td>
                  <td className="mono">{line.model}</td>
                  <td>{line.data_class}</td>
                  <td>{line.key_name || line.key}</td>
                  <td>{line.app}</td>
                  <td title={line.reason}>{line.policy || line.set}</td>
                  <td>
                    <Link to="/p/$project/traces/$traceId" params={{ project, traceId: line.trace_id }}>
                      trace
                    </Link>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {plan.tools.map((tool) => (
        <p key={tool.tool}>
          The tool <span className="mono">{tool.tool}</span> would be {tool.dropped ? "dropped from" : "refused with"}{" "}
          {number.format(tool.calls)} of the newest {number.format(plan.tools_read)} calls.
        </p>
      ))}
      {effect.notes.map((note) => (
        <p key={note} className="muted">
          {note}
        </p>
      ))}
    </section>
  );
}
