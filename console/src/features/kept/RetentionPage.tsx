import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { inProject, post, put } from "@/api/client";
import { previewQuery, retentionQuery, retentionRunsQuery } from "@/api/kept";
import type { OverAge, RetentionRunView, RetentionView } from "@/api/types";
import { formatCompact, formatDateTime, formatDay, formatInt, plural } from "@/lib/format";
import { READ_ONLY, useMay } from "@/lib/role";
import { Empty, Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { isConflict } from "@/ui/conflict";
import { type Column, DataTable } from "@/ui/DataTable";
import { useBased } from "@/ui/EditDrawer";
import { Refused } from "@/ui/Meanwhile";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { WriteButton } from "@/ui/WriteButton";
import css from "./kept.module.css";
import { askedOf, bodyOf, check, type Draft, draftOf, KINDS } from "./rules";

/** "How long is each kind of data kept, and what goes next?" */
export function RetentionPage() {
  const { project } = useParams({ from: "/inside/p/$project/retention" });
  const retention = useQuery(retentionQuery(project));
  return (
    <Page
      title="Retention"
      lead="What is over age is removed for good every six hours, blobs included. Days count from when a span began."
    >
      <Pending of={retention} height={300} />
      {retention.data && <Rules project={project} retention={retention.data} />}
      <Runs project={project} />
    </Page>
  );
}

function Rules({ project, retention }: { project: string; retention: RetentionView }) {
  const rules = retention.items;
  const given = draftOf(rules);
  const {
    form: draft,
    set,
    dirty,
    undo,
    revision,
    meant,
  } = useBased<Draft>({
    form: given,
    revision: retention.revision,
  });
  const [asking, setAsking] = useState<"save" | "run" | null>(null);
  const may = useMay("retention:write");
  const leaving = useLeaving();
  const queries = useQueryClient();
  const wrong = check(draft);
  const right = Object.keys(wrong).length === 0;
  const preview = useQuery({ ...previewQuery(project, askedOf(right ? draft : given)), enabled: right });
  const goes = preview.data?.items ?? [];
  const rows = goes.reduce((sum, item) => sum + item.rows, 0);
  const save = useMutation({
    mutationFn: () =>
      put<RetentionView>(inProject(project, "retention"), { ...bodyOf(draft, rules), expected_revision: revision }),
    onSuccess: (saved) => {
      setAsking(null);
      queries.setQueryData(retentionQuery(project).queryKey, saved);
      undo();
    },
    onError: async (error) => {
      if (!isConflict(error)) return;
      setAsking(null);
      await queries.invalidateQueries({ queryKey: retentionQuery(project).queryKey });
    },
  });
  const start = useMutation({
    mutationFn: () => post<RetentionRunView>(inProject(project, "retention", "runs")),
    onSuccess: async () => {
      setAsking(null);
      await queries.invalidateQueries({ queryKey: retentionRunsQuery(project).queryKey });
    },
  });
  return (
    <Panel>
      <div className={css.rules} data-testid="rules">
        {KINDS.map(({ kind, label, what }) => {
          const rule = rules.find((each) => each.kind === kind);
          return (
            <div key={kind} className={css.rule} role="group" aria-label={label}>
              <div>
                <strong>{label}</strong> {rule?.source === "config" && <Tag>config file</Tag>}
                <p>{what}</p>
              </div>
              <TextInput
                label="Days"
                placeholder="for ever"
                inputMode="numeric"
                value={draft[kind]}
                disabled={!may || rule?.source === "config"}
                error={wrong[kind]}
                onChange={(event) => set({ [kind]: event.currentTarget.value } as Partial<Draft>)}
              />
              <Goes item={right ? goes.find((each) => each.kind === kind) : undefined} />
            </div>
          );
        })}
      </div>
      {preview.isError && <ProblemNotice error={preview.error} retry={() => void preview.refetch()} />}
      {!may && <Notice tone="warn">{READ_ONLY}</Notice>}
      <div className={css.foot}>
        <WriteButton
          needs="retention:write"
          size="sm"
          loading={save.isPending}
          why={dirty ? (right ? undefined : "Something is not a number of days.") : "Nothing was changed."}
          onClick={() => (rows > 0 ? setAsking("save") : save.mutate())}
        >
          Save
        </WriteButton>
        {dirty && (
          <Button variant="subtle" color="gray" size="sm" onClick={undo}>
            Undo
          </Button>
        )}
        <WriteButton
          needs="retention:write"
          variant="default"
          size="sm"
          leftSection={<Trash2 size={14} />}
          why={dirty ? "Save or undo first." : rows === 0 ? "Nothing is over age." : undefined}
          onClick={() => setAsking("run")}
        >
          Remove it now
        </WriteButton>
        {save.isSuccess && !dirty && <span role="status">Saved</span>}
        {asking === null && <Refused problem={save.error} meant={meant(save.error, save.reset)} />}
        {asking === null && start.error && <ProblemNotice error={start.error} />}
      </div>
      <Confirm
        opened={asking !== null}
        title={asking === "save" ? "Keep data for a shorter time?" : "Remove what is over age now?"}
        action={asking === "save" ? "Save" : "Remove"}
        busy={save.isPending || start.isPending}
        error={save.error ?? start.error}
        onConfirm={() => (asking === "save" ? save.mutate() : start.mutate())}
        onClose={() => setAsking(null)}
      >
        <p>{asking === "save" ? "The next run, within six hours, removes for good:" : "This removes for good:"}</p>
        <ul className={css.goesList}>
          {goes
            .filter((item) => item.rows > 0)
            .map((item) => (
              <li key={item.kind}>
                {plural(item.rows, "row")} of {item.kind}
                {item.before !== null && `, from before ${formatDateTime(item.before)}`}
              </li>
            ))}
        </ul>
      </Confirm>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Panel>
  );
}

function Goes({ item }: { item: OverAge | undefined }) {
  if (!item) return <div className={css.goes} />;
  if (item.before === null) return <div className={css.goes}>kept for ever</div>;
  return (
    <div className={css.goes}>
      <strong>{formatInt(item.rows)}</strong> {item.rows === 1 ? "row is" : "rows are"} over age now
      <p>from before {formatDay(item.before)}</p>
    </div>
  );
}

const COLUMNS: Column<RetentionRunView>[] = [
  { id: "started", label: "started", cell: (run) => formatDateTime(run.started) },
  {
    id: "state",
    label: "state",
    cell: (run) => (
      <>
        <Tag tone={run.state === "failed" ? "bad" : run.state === "running" ? "accent" : undefined}>{run.state}</Tag>{" "}
        {run.problem}
      </>
    ),
  },
  {
    id: "removed",
    label: "removed of this project",
    cell: (run) =>
      run.removed.length === 0
        ? "nothing"
        : run.removed.map((line) => `${plural(line.rows, "row")} of ${line.table}`).join(", "),
  },
  {
    id: "blobs",
    label: "blobs, of all projects",
    align: "right",
    cell: (run) => (run.blobs ? `${formatInt(run.blobs)} (${formatCompact(run.blob_bytes)}B)` : "–"),
  },
];

function Runs({ project }: { project: string }) {
  const runs = useQuery(retentionRunsQuery(project));
  return (
    <section className={css.section} aria-label="Last runs">
      <h2>Last runs</h2>
      <Pending of={runs} height={120} />
      {runs.data?.items.length === 0 && (
        <Empty title="No run yet">
          <p>The first one is made a minute after the server's start.</p>
        </Empty>
      )}
      {runs.data && runs.data.items.length > 0 && (
        <Panel>
          <DataTable label="Runs" columns={COLUMNS} rows={runs.data.items} rowKey={(run) => run.id} />
        </Panel>
      )}
    </section>
  );
}
