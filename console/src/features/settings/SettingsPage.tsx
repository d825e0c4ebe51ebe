import { Button, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { inProject, patch } from "@/api/client";
import { projectsQuery, statusQuery } from "@/api/queries";
import type { ProjectView } from "@/api/types";
import { formatDateTime, formatInt } from "@/lib/format";
import { READ_ONLY, useMay } from "@/lib/role";
import { Facts, Panel } from "@/ui/bits";
import { useBased, useSaving } from "@/ui/EditDrawer";
import { Refused } from "@/ui/Meanwhile";
import { Notice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { DetectorsPanel } from "./DetectorsPanel";
import { ForwardsPanel } from "./ForwardsPanel";
import { TextIndexPanel } from "./TextIndexPanel";

const FROM = "/inside/p/$project/settings";

/** "What does this project keep, and what is this server?" */
export function SettingsPage() {
  const { project } = useParams({ from: FROM });
  const search = useSearch({ from: FROM });
  const navigate = useNavigate({ from: "/p/$project/settings" });
  const to = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const projects = useQuery(projectsQuery());
  const current = projects.data?.find((p) => p.slug === project);
  return (
    <Page title="Settings" lead={<>Of the project {current?.name || project}.</>}>
      <div style={{ display: "grid", gap: 20, maxWidth: 680 }}>
        <Pending of={projects} height={180} />
        {projects.data && !current && <Notice title={`There is no project ${project}, or you may not see it.`} />}
        {current && <ProjectForm key={current.id} project={current} />}
        {current && <TextIndexPanel project={current.slug} />}
        {current && <DetectorsPanel project={current.slug} />}
        {current && (
          <ForwardsPanel
            project={current.slug}
            edit={search.edit}
            onEdit={(edit) => to({ edit })}
            events={search.events}
            onEvents={(events) => to({ events })}
          />
        )}
        <Server />
      </div>
    </Page>
  );
}

function ProjectForm({ project }: { project: ProjectView }) {
  const now = { form: { name: project.name, capture: project.capture_content }, revision: project.revision };
  const { form, set, dirty, undo, revision, meant } = useBased(now);
  const may = useMay("project:write");
  const leaving = useLeaving();
  const saving = useSaving({
    save: () =>
      patch<ProjectView>(inProject(project.slug), {
        name: form.name.trim(),
        capture_content: form.capture,
        expected_revision: revision,
      }),
    stale: [projectsQuery().queryKey],
    onSaved: () => {
      undo();
      leaving.current = false;
    },
    leaving,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    saving.save();
  };
  return (
    <Panel>
      <form onSubmit={submit} style={{ display: "grid", gap: 16, padding: 20 }}>
        <TextInput
          label="Name"
          description={`In addresses and in the API it is “${project.slug}”.`}
          value={form.name}
          onChange={(e) => set({ name: e.currentTarget.value })}
          disabled={!may}
        />
        <Switch
          label="Keep the content of calls"
          description="On: messages, tool calls and answers are kept with each trace. Off: only numbers and labels (tokens, cost, times, status, model, user) are kept. It holds for calls, and for other tools’ spans, after the change; what is already kept stays."
          checked={form.capture}
          onChange={(e) => set({ capture: e.currentTarget.checked })}
          disabled={!may}
        />
        {!may && <Notice tone="warn">{READ_ONLY}</Notice>}
        <Refused problem={saving.problem} meant={meant(saving.problem, saving.reset)} />
        <div style={{ display: "flex", gap: 10, alignItems: "center" }}>
          <Button type="submit" size="sm" disabled={!dirty || !may} loading={saving.busy}>
            Save
          </Button>
          {dirty && (
            <Button variant="subtle" color="gray" size="sm" onClick={undo}>
              Undo
            </Button>
          )}
          {saving.done && !dirty && <span role="status">Saved</span>}
        </div>
      </form>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Panel>
  );
}

function Server() {
  const { data: status } = useQuery(statusQuery());
  if (!status) return null;
  return (
    <section>
      <h2 style={{ fontSize: 14, fontWeight: 620, marginBottom: 8 }}>This server</h2>
      <Panel>
        <div style={{ padding: 20 }}>
          <Facts
            rows={[
              ["Version", <code key="v">{status.version}</code>],
              ["Started", formatDateTime(status.started)],
              ["Workers", formatInt(status.workers)],
              ["Data folder", <code key="d">{status.data_dir}</code>],
              [
                "Config file",
                status.config_file ? <code>{status.config_file}</code> : <span className="muted">none</span>,
              ],
              ["Catalog", `${status.catalog.state}${status.catalog.detail ? `: ${status.catalog.detail}` : ""}`],
              [
                "Telemetry store",
                `${status.telemetry.state}${status.telemetry.detail ? `: ${status.telemetry.detail}` : ""}`,
              ],
              ["Spans kept", formatInt(status.telemetry.spans)],
            ]}
          />
        </div>
      </Panel>
    </section>
  );
}
