import { Select, Skeleton, Switch } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { inProject, patch } from "@/api/client";
import { rolesOf } from "@/api/identity";
import { dataClassesQuery } from "@/api/policies";
import { projectsQuery } from "@/api/queries";
import type { ProjectView, RoleView } from "@/api/types";
import { READ_ONLY, useMay } from "@/lib/role";
import { Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { Notice, ProblemNotice } from "@/ui/Notice";
import css from "./data.module.css";

/** "Are words kept at all, who may read them, and is it written down who did?" */
export function ReadingView({ project }: { project: string }) {
  const projects = useQuery(projectsQuery());
  const roles = useQuery(rolesOf({ kind: "project", slug: project }));
  const failed = [projects, roles].find((each) => each.isError);
  if (failed) return <ProblemNotice error={failed.error} retry={() => void failed.refetch()} />;
  const current = projects.data?.find((each) => each.slug === project);
  if (!current || !roles.data) return <Skeleton height={240} />;
  return (
    <>
      <Rules project={current} />
      <section className={css.section} aria-label="Roles that read content">
        <h2 className={css.heading}>What roles show</h2>
        <Panel>
          <DataTable
            label="Roles that read content"
            columns={COLUMNS}
            rows={roles.data.items}
            rowKey={(role) => role.name}
          />
        </Panel>
        <p className="muted">
          A role of your own is made under{" "}
          <Link to="/p/$project/people" params={{ project }} search={{ view: "roles" }}>
            People
          </Link>
          . Who unmasked what, and why, is in the{" "}
          <Link to="/p/$project/audit" params={{ project }} search={{ action: "content.unmasked" }}>
            audit log
          </Link>
          ; so are{" "}
          <Link to="/p/$project/audit" params={{ project }} search={{ action: "content.read" }}>
            reads
          </Link>{" "}
          where they are noted.
        </p>
      </section>
    </>
  );
}

function Rules({ project }: { project: ProjectView }) {
  const classes = useQuery(dataClassesQuery(project.slug));
  const may = useMay("project:write");
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (body: { capture_content?: boolean; audit_reads?: string }) =>
      patch<ProjectView>(inProject(project.slug), { ...body, expected_revision: project.revision }),
    onSettled: () => queries.invalidateQueries({ queryKey: projectsQuery().queryKey }),
  });
  const levels = [
    { value: "none", label: "No reads" },
    ...(classes.data?.classes ?? []).map((name) => ({ value: name, label: `Reads of ${name} data and above` })),
    { value: "all", label: "Every read" },
  ];
  const known = levels.some((each) => each.value === project.audit_reads);
  return (
    <Panel>
      <div className={css.body}>
        <Switch
          label="Keep the content of calls"
          description="Off: only numbers and labels (tokens, cost, times, status, model, user) are kept, of calls and of other tools’ spans from then on."
          checked={project.capture_content}
          disabled={!may || change.isPending}
          onChange={(event) => change.mutate({ capture_content: event.currentTarget.checked })}
        />
        <Select
          label="Write into the audit log"
          description="Who was shown texts, of what, once an hour for each person and thing. The entry is durable before the text leaves."
          data={known ? levels : [...levels, { value: project.audit_reads, label: project.audit_reads }]}
          value={project.audit_reads}
          onChange={(value) => value && value !== project.audit_reads && change.mutate({ audit_reads: value })}
          disabled={!may || change.isPending}
          allowDeselect={false}
          maw={420}
        />
        {!may && <Notice tone="warn">{READ_ONLY}</Notice>}
        {change.isError && <ProblemNotice error={change.error} />}
      </div>
    </Panel>
  );
}

function shows(role: RoleView) {
  if (role.permissions.includes("content:read")) return <Tag>every text</Tag>;
  if (role.permissions.includes("content:unmask")) return <Tag tone="accent">one trace for an hour, with a reason</Tag>;
  return <span className="muted">numbers, names and verdicts</span>;
}

const COLUMNS: Column<RoleView>[] = [
  {
    id: "role",
    label: "role",
    cell: (role) => (
      <>
        <strong>{role.name.replaceAll("_", " ")}</strong> {!role.built_in && <Tag tone="accent">own</Tag>}
      </>
    ),
  },
  { id: "for", label: "for", cell: (role) => (role.for_members ? "people and keys" : "keys") },
  { id: "shows", label: "shows", cell: shows },
];
