import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { inProject, post } from "@/api/client";
import { repricingsQuery } from "@/api/money";
import type { RepricingView } from "@/api/types";
import { formatDateTime, formatInt, plural } from "@/lib/format";
import { formatUsd } from "@/lib/money";
import { Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { dayStart, momentText } from "./priceForm";
import css from "./prices.module.css";

type Line = RepricingView["differences"][number];
const DAY_MS = 86_400_000;
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

interface Props {
  project: string;
  /** Which is looked at; else the newest. */
  shown: string | undefined;
  onShow: (id: string | undefined) => void;
}

/** Past calls at today's prices: tried first, then written. A job of the server's, which survives a reload. */
export function Repricings({ project, shown, onShow }: Props) {
  const jobs = useQuery(repricingsQuery(project));
  const [since, setSince] = useState(() => dayOf(Date.now() - 30 * DAY_MS));
  const [until, setUntil] = useState("");
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const start = useMutation({
    mutationFn: (dry_run: boolean) =>
      post<RepricingView>(inProject(project, "repricings"), {
        since: dayStart(since) ?? 0,
        until: dayStart(until),
        dry_run,
      }),
    onSuccess: async (job) => {
      setAsking(false);
      await queries.invalidateQueries({ queryKey: repricingsQuery(project).queryKey });
      onShow(job.id);
    },
  });
  const running = jobs.data?.some((job) => job.state === "running") ?? false;
  // What was counted by the prices of before is asked for again once a job is through.
  useEffect(() => {
    if (running) return () => void queries.invalidateQueries({ queryKey: ["costs", project] });
  }, [running, queries, project]);
  const job = jobs.data?.find((each) => each.id === shown) ?? jobs.data?.[0];
  const wrong = since === "" ? "Say from when." : until && until <= since ? "It ends before it begins." : undefined;
  const why = wrong ?? (running ? "One is under way: wait until it is done." : undefined);
  return (
    <section className={css.panel} aria-label="Past calls">
      <h2>Price past calls anew</h2>
      <p className="muted">
        A price changes what is booked from now on. Past calls keep theirs until they are priced anew, each at the rates
        of its day; what was booked first stays on each row.
      </p>
      <div className={css.ask}>
        <TextInput
          label="From"
          description="A day (UTC)"
          type="date"
          value={since}
          onChange={(event) => setSince(event.currentTarget.value)}
        />
        <TextInput
          label="Until"
          description="Not included; empty: now"
          type="date"
          value={until}
          error={wrong}
          onChange={(event) => setUntil(event.currentTarget.value)}
        />
        <WriteButton
          needs="cost:write"
          size="sm"
          loading={start.isPending && start.variables}
          why={why}
          onClick={() => start.mutate(true)}
        >
          See what would change
        </WriteButton>
        <WriteButton needs="cost:write" size="sm" variant="default" why={why} onClick={() => setAsking(true)}>
          Price them anew…
        </WriteButton>
      </div>
      {start.isError && !asking && <ProblemNotice error={start.error} />}
      <Pending of={jobs} height={60} />
      {job && <Result job={job} />}
      {jobs.data && jobs.data.length > 1 && (
        <ul className={css.jobs} aria-label="Re-pricings">
          {jobs.data.map((each) => (
            <li key={each.id}>
              <Button
                variant="subtle"
                size="compact-xs"
                aria-current={each.id === job?.id || undefined}
                onClick={() => onShow(each.id)}
              >
                {formatDateTime(each.created).slice(0, 16)}
              </Button>
              <span className="muted">
                {each.dry_run ? "tried" : "written"}, {span(each)}, {plural(each.changed, "row")}
              </span>
              {each.state !== "done" && <Tag tone={each.state === "failed" ? "bad" : "accent"}>{each.state}</Tag>}
            </li>
          ))}
        </ul>
      )}
      <Confirm
        opened={asking}
        title="Price past calls anew?"
        action="Price them anew"
        mild
        busy={start.isPending}
        error={start.error}
        onConfirm={() => start.mutate(false)}
        onClose={() => setAsking(false)}
      >
        Costs from {since} {until ? `until ${until}` : "until now"} become what today's book and your own prices say, on
        every page. Each row keeps what was booked first; limits and budgets that are used up stay so.
      </Confirm>
    </section>
  );
}

const span = (job: RepricingView) => `${momentText(job.since)} until ${momentText(job.until)}`;

function Result({ job }: { job: RepricingView }) {
  if (job.state === "failed") return <Notice title={`The re-pricing failed: ${job.problem}`}>{span(job)}</Notice>;
  const verb = job.dry_run ? "would change" : "changed";
  return (
    <div aria-label="What changes" role="group">
      <p role="status" className={css.answer}>
        {job.state === "running" ? (
          <>Under way: {formatInt(job.looked_at)} rows looked at.</>
        ) : job.changed === 0 ? (
          <>
            <strong>Nothing {verb}:</strong> each of {plural(job.looked_at, "row")} has the price of today already.
          </>
        ) : (
          <strong className="num">
            {plural(job.changed, "row")} of {formatInt(job.looked_at)} {verb}: {formatUsd(job.before)} to{" "}
            {formatUsd(job.after)}.
          </strong>
        )}{" "}
        <span className="muted">
          {span(job)}.
          {job.unpriced_after > 0 &&
            ` ${formatInt(job.unpriced_after)} have no known price still (before: ${formatInt(job.unpriced_before)}).`}
          {job.no_price_today > 0 &&
            ` ${formatInt(job.no_price_today)} have a cost that no price of today says: they keep it.`}
        </span>
      </p>
      {job.differences.length > 0 && (
        <DataTable
          label="Rows by price"
          columns={LINES}
          rows={job.differences}
          rowKey={(row) => `${row.provider}/${row.model}/${row.from_price}/${row.to_price}`}
        />
      )}
      {job.more && <p className="muted">More models change than are listed.</p>}
    </div>
  );
}

const LINES: Column<Line>[] = [
  { id: "model", label: "model", cell: (row) => `${row.model} at ${row.provider}` },
  {
    id: "from",
    label: "from the price",
    cell: (row) => <span className={css.row}>{row.from_price || "none known"}</span>,
  },
  { id: "to", label: "to", cell: (row) => <span className={css.row}>{row.to_price || "none known"}</span> },
  { id: "rows", label: "rows", align: "right", cell: (row) => formatInt(row.rows) },
  { id: "before", label: "before", align: "right", cell: (row) => formatUsd(row.before) },
  { id: "after", label: "after", align: "right", cell: (row) => formatUsd(row.after) },
];
