import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ModelTerms } from "@/api/dataRules";
import { dataClassesQuery, dataTermsQuery } from "@/api/policies";
import { Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import css from "./policies.module.css";

const none = <span className="muted">not stated</span>;
const COLUMNS: Column<ModelTerms>[] = [
  { id: "model", label: "model", cell: (row) => <span className="mono">{row.model}</span> },
  { id: "provider", label: "provider", cell: (row) => row.provider },
  { id: "region", label: "region", cell: (row) => row.region || none },
  { id: "local", label: "our own machine", cell: (row) => (row.local ? "yes" : "no") },
  { id: "classes", label: "classes it may have", cell: (row) => row.data_classes.join(", ") || none },
  { id: "terms", label: "terms", cell: (row) => row.terms.join(", ") || none },
];

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
        <DataTable
          label="Data terms of models"
          columns={COLUMNS}
          rows={terms.data.models}
          rowKey={(row) => row.model}
        />
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
