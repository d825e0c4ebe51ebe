import { Button, Drawer, Modal, SegmentedControl, Skeleton, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Download, Eraser } from "lucide-react";
import { type FormEvent, useState } from "react";
import { API, inProject, post } from "@/api/client";
import { belongsQuery, erasuresQuery } from "@/api/kept";
import type { ErasureView, NewErasure } from "@/api/types";
import { formatDateTime, formatInt, plural } from "@/lib/format";
import { Empty, Facts, Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import css from "./kept.module.css";

const rowsOf = (job: ErasureView) => Object.values(job.rows).reduce((sum, rows) => sum + rows, 0);

/** "Is this person's data gone, and what proves it?" */
export function ErasuresPage() {
  const { project } = useParams({ from: "/inside/p/$project/erasures" });
  const search = useSearch({ from: "/inside/p/$project/erasures" });
  const navigate = useNavigate({ from: "/p/$project/erasures" });
  const erasures = useQuery(erasuresQuery(project));
  const shown = erasures.data?.find((job) => job.id === search.show);
  const show = (id: string | undefined) => void navigate({ search: { show: id } });
  const columns: Column<ErasureView>[] = [
    {
      id: "asked",
      label: "asked",
      cell: (job) => (
        <button type="button" className={css.open} onClick={() => show(job.id)}>
          {formatDateTime(job.asked)}
        </button>
      ),
    },
    { id: "subject", label: "of a", cell: (job) => job.subject },
    { id: "state", label: "state", cell: (job) => <State job={job} /> },
    { id: "traces", label: "traces", align: "right", cell: (job) => formatInt(job.traces) },
    { id: "rows", label: "rows", align: "right", cell: (job) => formatInt(rowsOf(job)) },
    {
      id: "receipt",
      label: "receipt",
      align: "right",
      cell: (job) => (job.state === "done" ? <Receipt project={project} job={job} /> : "–"),
    },
  ];
  const erase = (
    <WriteButton
      needs="erasure:write"
      size="sm"
      color="red.8"
      leftSection={<Eraser size={15} />}
      onClick={() => void navigate({ search: { new: "1" } })}
    >
      Erase…
    </WriteButton>
  );
  return (
    <Page
      title="Erasures"
      lead="What is of one user, session or trace, removed everywhere, with a receipt that proves it and names nobody."
      actions={erasures.data?.length ? erase : null}
    >
      <Pending of={erasures} height={180} />
      {erasures.data?.length === 0 && (
        <Empty title="Nothing was erased yet">
          <p>When somebody asks for their data to be gone, name them as your application does in its calls.</p>
          {erase}
        </Empty>
      )}
      {erasures.data && erasures.data.length > 0 && (
        <Panel>
          <DataTable label="Erasures" columns={columns} rows={erasures.data} rowKey={(job) => job.id} />
        </Panel>
      )}
      {search.new && (
        <NewErasureDialog
          project={project}
          onClose={() => void navigate({ search: {} })}
          onStarted={(job) => show(job.id)}
        />
      )}
      <Drawer
        opened={shown !== undefined}
        onClose={() => show(undefined)}
        title={<strong>Erasure of a {shown?.subject}</strong>}
        position="right"
        size={560}
      >
        {shown && <Detail project={project} job={shown} />}
      </Drawer>
    </Page>
  );
}

function State({ job }: { job: ErasureView }) {
  const tone = job.state === "failed" ? "bad" : job.state === "running" ? "accent" : undefined;
  return (
    <span role="status">
      <Tag tone={tone}>{job.state}</Tag>{" "}
      {job.state === "running" && <span className="muted">after step {job.step || "none yet"}</span>}
    </span>
  );
}

function Receipt({ project, job }: { project: string; job: ErasureView }) {
  return (
    <Button
      component="a"
      size="compact-sm"
      variant="default"
      leftSection={<Download size={13} />}
      href={`${API}${inProject(project, "erasures", job.id)}`}
      download={`erasure-${job.id}.json`}
      aria-label={`Receipt of ${formatDateTime(job.asked)}`}
    >
      Receipt
    </Button>
  );
}

function Detail({ project, job }: { project: string; job: ErasureView }) {
  return (
    <div className={css.receipt} data-testid="erasure">
      {job.problem && <Notice title={job.problem}>Ask for the same again: it goes on where it stopped.</Notice>}
      <Facts
        rows={[
          ["State", <State key="s" job={job} />],
          ["Asked", formatDateTime(job.asked)],
          ["By", job.asked_by_name === job.asked_by ? <code key="k">{job.asked_by}</code> : job.asked_by_name],
          ["Done", job.finished !== null && formatDateTime(job.finished)],
          ["Traces", formatInt(job.traces)],
        ]}
      />
      <section>
        <h2>Rows removed</h2>
        {rowsOf(job) === 0 ? (
          <p className="muted">None so far.</p>
        ) : (
          <Facts rows={Object.entries(job.rows).map(([table, rows]) => [table, formatInt(rows)])} />
        )}
        {(job.rows.ledger ?? 0) > 0 && (
          <p className={css.what}>Rows of the ledger stay, without what identified anybody.</p>
        )}
      </section>
      {Object.keys(job.checks).length > 0 && (
        <section>
          <h2>What was looked at in the end</h2>
          <Facts rows={Object.entries(job.checks)} />
        </section>
      )}
      <section>
        <h2>Whose it was</h2>
        <p className={css.what}>
          Not said here. Whoever knows the value can prove it: sha256(id NUL project_id NUL subject NUL value) is
        </p>
        <code className={css.digest}>{job.digest}</code>
      </section>
      {job.state === "done" && (
        <div>
          <Receipt project={project} job={job} />
        </div>
      )}
    </div>
  );
}

interface DialogProps {
  project: string;
  onClose: () => void;
  onStarted: (job: ErasureView) => void;
}

const SUBJECTS: { value: NewErasure["subject"]; label: string }[] = [
  { value: "user", label: "User" },
  { value: "session", label: "Session" },
  { value: "trace", label: "Trace" },
];

/** First who, then what goes: nothing happens before both were read. */
function NewErasureDialog({ project, onClose, onStarted }: DialogProps) {
  const [wanted, setWanted] = useState<NewErasure>({ subject: "user", value: "" });
  const [looked, setLooked] = useState<NewErasure | null>(null);
  const queries = useQueryClient();
  const belongs = useQuery({ ...belongsQuery(project, looked ?? wanted), enabled: looked !== null });
  const start = useMutation({
    mutationFn: (given: NewErasure) => post<ErasureView>(inProject(project, "erasures"), given),
    onSuccess: async (job) => {
      await queries.invalidateQueries({ queryKey: erasuresQuery(project).queryKey });
      onStarted(job);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wanted.value !== "") setLooked(wanted);
  };
  const change = (next: Partial<NewErasure>) => {
    setWanted({ ...wanted, ...next });
    setLooked(null);
  };
  const count = Number(belongs.data?.groups[0]?.values[0] ?? 0);
  return (
    <Modal opened onClose={onClose} title={<strong>Erase somebody's data</strong>} size={520}>
      <form className={css.form} onSubmit={submit}>
        <SegmentedControl
          aria-label="What is erased"
          data={SUBJECTS}
          value={wanted.subject}
          onChange={(subject) => change({ subject: subject as NewErasure["subject"] })}
        />
        <TextInput
          label={
            wanted.subject === "trace" ? "Trace id" : `The ${wanted.subject}, exactly as your application sends it`
          }
          value={wanted.value}
          onChange={(event) => change({ value: event.currentTarget.value })}
          spellCheck={false}
          data-autofocus
        />
        {looked && belongs.isPending && <Skeleton height={90} />}
        {looked && belongs.error && <ProblemNotice error={belongs.error} />}
        {looked && belongs.data && (
          <Notice
            tone="warn"
            title={`${plural(count, "trace")} of this ${looked.subject} ${count === 1 ? "is" : "are"} in the store`}
          >
            <ul className={css.goesList}>
              <li>
                Their spans, texts, raw attributes, tool calls, scores and dead letters go, whole traces at a time.
              </li>
              <li>Their answers in the cache, kept responses and answers to idempotency keys go.</li>
              <li>The ledger keeps usage and cost, without user, session, trace and tags.</li>
              <li>It cannot be undone. Backups and calls that begin from now on are not reached.</li>
            </ul>
            {count > 0 && (
              <Link
                to="/p/$project/traces"
                params={{ project }}
                search={{ q: `${looked.subject}:"${looked.value}"`, range: "30d" }}
              >
                See them first
              </Link>
            )}
          </Notice>
        )}
        {start.error && <ProblemNotice error={start.error} />}
        <div className={css.buttons}>
          <Button variant="default" size="sm" onClick={onClose}>
            Keep
          </Button>
          {looked && belongs.data ? (
            <Button color="red.8" size="sm" loading={start.isPending} onClick={() => start.mutate(looked)}>
              Erase for good
            </Button>
          ) : (
            <Button
              type="submit"
              size="sm"
              disabled={wanted.value === ""}
              loading={looked !== null && belongs.isFetching}
            >
              Look what goes
            </Button>
          )}
        </div>
      </form>
    </Modal>
  );
}
