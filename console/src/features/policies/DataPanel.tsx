import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { dataClassesQuery, dataTermsQuery } from "@/api/policies";
import { Panel, Tag } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import css from "./policies.module.css";

/** What policies go by: the project's classes of data, and what is stated of its models. */
export function DataPanel({ project }: { project: string }) {
  const classes = useQuery(dataClassesQuery(project));
  const terms = useQuery(dataTermsQuery(project));
  return (
    <Panel className={css.data}>
      <h2>Data classes and terms</h2>
      {classes.isError && <ProblemNotice error={classes.error} retry={() => void classes.refetch()} />}
      {terms.isError && <ProblemNotice error={terms.error} retry={() => void terms.refetch()} />}
      {classes.data && (
        <p>
          The least sensitive first:{" "}
          {classes.data.classes.map((name) => (
            <Tag
              key={name}
              tone={name === classes.data.standard ? "accent" : undefined}
              title={name === classes.data.standard ? "Of calls of which nobody declared any" : undefined}
            >
              {name}
            </Tag>
          ))}{" "}
          <span className="muted">
            A call says its own with the header <span className="mono">trimtab-data-class</span>.
          </span>
        </p>
      )}
      {classes.data?.marks.map((mark) => (
        <p key={`${mark.subject}/${mark.name}`}>
          The {mark.subject} <span className="mono">{mark.name}</span> is of the class <Tag>{mark.data_class}</Tag>
        </p>
      ))}
      {terms.data && terms.data.models.length > 0 && (
        <div className={css.scroll} tabIndex={0} role="region" aria-label="Data terms of models">
          <table className={css.table}>
            <thead>
              <tr>
                <th>Model</th>
                <th>Provider</th>
                <th>Region</th>
                <th>Our own machine</th>
                <th>Classes it may have</th>
                <th>Terms</th>
              </tr>
            </thead>
            <tbody>
              {terms.data.models.map((model) => (
                <tr key={model.model}>
                  <td className="mono">{model.model}</td>
                  <td>{model.provider}</td>
                  <td>{model.region || <span className="muted">not stated</span>}</td>
                  <td>{model.local ? "yes" : "no"}</td>
                  <td>{model.data_classes.join(", ") || <span className="muted">not stated</span>}</td>
                  <td>{model.terms.join(", ") || <span className="muted">none</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p className="muted">
        They are stated under{" "}
        <Link to="/p/$project/data" params={{ project }}>
          Data
        </Link>
        .
      </p>
    </Panel>
  );
}
