import { Skeleton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { LogOut } from "lucide-react";
import { useState } from "react";
import { del } from "@/api/client";
import { type OwnSession, ownSessionsQuery } from "@/api/identity";
import { formatAgo, formatDateTime } from "@/lib/format";
import { Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { PlainButton } from "@/ui/PlainButton";
import css from "./account.module.css";
import { deviceOf, endOf, methodOf } from "./words";

/** Every place where one is signed in; each ends by itself, or all but this one. */
export function OwnSessions() {
  const found = useQuery(ownSessionsQuery());
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [all, setAll] = useState(false);
  const end = useMutation({
    mutationFn: (session: OwnSession) => del(`/sessions/${encodeURIComponent(session.id)}`),
    onSuccess: async (_, session) => {
      if (!session.current) return queries.invalidateQueries({ queryKey: ownSessionsQuery().queryKey });
      queries.clear();
      return navigate({ to: "/login" });
    },
  });
  const endOthers = useMutation({
    mutationFn: () => del("/sessions"),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ownSessionsQuery().queryKey });
      setAll(false);
    },
  });
  const rows = found.data ?? [];
  const others = rows.filter((each) => !each.current).length;
  return (
    <section className={css.section} aria-label="Sessions">
      <div className={css.bar}>
        <h2 className={css.heading}>Where you are signed in</h2>
        {others > 0 && (
          <PlainButton onClick={() => setAll(true)} icon={<LogOut size={13} />}>
            End all others ({others})
          </PlainButton>
        )}
      </div>
      {found.isError && <ProblemNotice error={found.error} retry={() => void found.refetch()} />}
      {end.isError && <ProblemNotice error={end.error} />}
      {found.isPending && <Skeleton height={120} />}
      {found.data && rows.length === 0 && <p className="muted">No session is open: you came with a key.</p>}
      {rows.length > 0 && (
        <Panel>
          <DataTable
            label="Sessions"
            columns={columns((session) => end.mutate(session), end.isPending)}
            rows={rows}
            rowKey={(row) => row.id}
          />
        </Panel>
      )}
      <Confirm
        opened={all}
        title="End all other sessions?"
        action="End them"
        busy={endOthers.isPending}
        error={endOthers.error}
        onConfirm={() => endOthers.mutate()}
        onClose={() => {
          endOthers.reset();
          setAll(false);
        }}
      >
        Every other browser and command line that is signed in as you is signed out at once, on every worker. This one
        stays.
      </Confirm>
    </section>
  );
}

function columns(onEnd: (session: OwnSession) => void, busy: boolean): Column<OwnSession>[] {
  const now = Date.now();
  return [
    {
      id: "device",
      label: "where",
      cell: (row) => (
        <span title={row.agent}>
          <strong>{deviceOf(row)}</strong> {row.current && <Tag tone="accent">this one</Tag>}
          <span className="muted" style={{ display: "block" }}>
            {methodOf(row.method)}
          </span>
        </span>
      ),
    },
    {
      id: "created",
      label: "since",
      cell: (row) => <span title={formatDateTime(row.created)}>{formatAgo(row.created, now)}</span>,
    },
    {
      id: "seen",
      label: "last used",
      cell: (row) => <span title={formatDateTime(row.seen)}>{formatAgo(row.seen, now)}</span>,
    },
    {
      id: "ends",
      label: "ends if unused",
      cell: (row) => <span title={formatDateTime(endOf(row))}>{formatAgo(endOf(row), now)}</span>,
    },
    {
      id: "actions",
      label: "",
      align: "right",
      cell: (row) => (
        <PlainButton
          onClick={() => onEnd(row)}
          disabled={busy}
          label={row.current ? "Log out here" : `End the session of ${deviceOf(row)}`}
        >
          {row.current ? "Log out" : "End"}
        </PlainButton>
      ),
    },
  ];
}
