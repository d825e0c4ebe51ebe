import { Skeleton } from "@mantine/core";
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { RotateCcw } from "lucide-react";
import { get, inProject, post } from "@/api/client";
import type { ForwardPage, ForwardReplayed, ForwardView } from "@/api/types";
import { formatAgo, formatDateTime, formatInt } from "@/lib/format";
import { Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";

const TONES = { well: "accent", failing: "bad", paused: "warn", idle: undefined } as const;

export const forwardsQuery = (project: string) =>
  queryOptions({
    queryKey: ["forwards", project],
    queryFn: ({ signal }) => get<ForwardPage>(inProject(project, "forwards"), signal),
    refetchInterval: 5_000,
  });

/** Where this project's closed traces go, and how that fares. Destinations are made by the CLI, the API or the file. */
export function ForwardsPanel({ project }: { project: string }) {
  const found = useQuery(forwardsQuery(project));
  const queries = useQueryClient();
  const replay = useMutation({
    mutationFn: (name: string) => post<ForwardReplayed>(inProject(project, "forwards", name, "replay"), {}),
    onSuccess: () => queries.invalidateQueries({ queryKey: forwardsQuery(project).queryKey }),
  });
  const items = found.data?.items ?? [];
  const columns: Column<ForwardView>[] = [
    {
      id: "name",
      label: "name",
      cell: (to) => (
        <>
          <strong>{to.name}</strong>
          <div className="mono muted">{to.kind}</div>
        </>
      ),
    },
    {
      id: "standing",
      label: "standing",
      cell: (to) => (
        <>
          <Tag tone={TONES[to.standing]}>{to.standing}</Tag>
          {to.problem && (
            <div className="muted" style={{ maxWidth: 240, overflowWrap: "anywhere" }}>
              {to.problem.slice(0, 160)}
            </div>
          )}
        </>
      ),
    },
    {
      id: "delivered",
      label: "delivered",
      align: "right",
      cell: (to) => (
        <>
          {formatInt(to.delivered)}
          {to.last_delivered !== null && (
            <div className="muted" title={formatDateTime(to.last_delivered)}>
              {formatAgo(to.last_delivered, Date.now())}
            </div>
          )}
        </>
      ),
    },
    {
      id: "lag",
      label: "behind",
      align: "right",
      cell: (to) => (to.lag > 0 ? `${formatInt(Math.ceil(to.lag / 1000))} s` : <span className="muted">no</span>),
    },
    {
      id: "failed",
      label: "failed",
      align: "right",
      cell: (to) =>
        to.failed_now > 0 ? (
          <WriteButton
            needs="forward:write"
            variant="default"
            leftSection={<RotateCcw size={13} />}
            onClick={() => replay.mutate(to.name)}
            aria-label={`Try what failed at ${to.name} again`}
          >
            {formatInt(to.failed_now)}, try again
          </WriteButton>
        ) : (
          <span className="muted">none</span>
        ),
    },
  ];
  return (
    <section aria-label="Forwarding">
      <h2 style={{ fontSize: 14, fontWeight: 620, marginBottom: 8 }}>Forwarding</h2>
      <Panel>
        {found.isPending && <Skeleton height={80} />}
        {found.error && <ProblemNotice error={found.error} />}
        {replay.error && <ProblemNotice error={replay.error} />}
        {found.data && items.length === 0 && (
          <p className="muted" style={{ padding: 20 }}>
            Closed traces go nowhere else. Send them to a collector, a webhook or Kafka with{" "}
            <code>trimtab forwards add</code>, or with <code>forwards</code> in the config file.
          </p>
        )}
        {items.length > 0 && <DataTable label="Forwarding" columns={columns} rows={items} rowKey={(to) => to.name} />}
      </Panel>
    </section>
  );
}
