import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Ban, LogOut, UserCheck } from "lucide-react";
import { useState } from "react";
import { patch, request } from "@/api/client";
import { everybodyQuery, type PersonView } from "@/api/identity";
import { formatAgo, formatDateTime, plural } from "@/lib/format";
import { Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import css from "./people.module.css";
import { placeWords } from "./providerForm";

const personPath = (id: string, ...more: string[]) => ["/people", ...[id, ...more].map(encodeURIComponent)].join("/");

type Asked = { person: PersonView; what: "disable" | "end" };

/** "Who is known on this server at all, and who must not come in any more?" */
export function Everybody() {
  const found = useQuery(everybodyQuery());
  const queries = useQueryClient();
  const [asked, setAsked] = useState<Asked | null>(null);
  const known = () => queries.invalidateQueries({ queryKey: everybodyQuery().queryKey });
  const place = useMutation({
    mutationFn: ({ id, disabled }: { id: string; disabled: boolean }) =>
      patch<PersonView>(personPath(id), { disabled }),
    onSuccess: async () => {
      await known();
      setAsked(null);
    },
  });
  const end = useMutation({
    mutationFn: (id: string) => request<{ ended: number }>("DELETE", personPath(id, "sessions")),
    onSuccess: () => setAsked(null),
  });
  const act = asked?.what === "disable" ? place : end;
  if (found.isError || !found.data) return <Pending of={found} height={180} />;
  return (
    <>
      <p className="muted" style={{ marginBottom: 10 }}>
        Everybody who ever signed in or was invited, on the whole server, with their roles in all places.
      </p>
      {end.data && <Notice tone="good" title={`${plural(end.data.ended, "session")} ended`} />}
      {place.isError && !asked && <ProblemNotice error={place.error} />}
      <Panel>
        <DataTable
          label="Everybody"
          columns={columns(setAsked, (id) => place.mutate({ id, disabled: false }))}
          rows={found.data}
          rowKey={(row) => row.id}
        />
      </Panel>
      <Confirm
        opened={asked !== null}
        title={
          asked?.what === "disable"
            ? `Let ${asked.person.name} in no more?`
            : `End the sessions of ${asked?.person.name}?`
        }
        action={asked?.what === "disable" ? "Let in no more" : "End them"}
        busy={act.isPending}
        error={act.error}
        onConfirm={() => {
          if (asked?.what === "disable") place.mutate({ id: asked.person.id, disabled: true });
          else if (asked) end.mutate(asked.person.id);
        }}
        onClose={() => {
          act.reset();
          setAsked(null);
        }}
      >
        {asked?.what === "disable"
          ? "Their sessions and keys end at once, on every worker, and no provider brings them back. Their memberships stay for when you let them in again."
          : "They are signed out everywhere at once, and may sign in again."}
      </Confirm>
    </>
  );
}

function columns(onAsk: (asked: Asked) => void, onLetIn: (id: string) => void): Column<PersonView>[] {
  const now = Date.now();
  return [
    {
      id: "name",
      label: "name",
      cell: (row) => (
        <>
          <strong>{row.name || row.email}</strong> {row.disabled !== null && <Tag tone="bad">let in no more</Tag>}
          <div className="muted">{row.kind === "service" ? "service account" : row.email}</div>
        </>
      ),
    },
    {
      id: "places",
      label: "roles",
      cell: (row) => {
        const places = Object.entries(row.memberships);
        if (places.length === 0) return <span className="muted">none</span>;
        return (
          <ul className={css.list}>
            {places.map(([where, role]) => (
              <li key={where}>
                {role}, {placeWords(where)}
              </li>
            ))}
          </ul>
        );
      },
    },
    {
      id: "seen",
      label: "last signed in",
      cell: (row) =>
        row.seen === null ? (
          <span className="muted">{row.kind === "service" ? "" : "never"}</span>
        ) : (
          <span title={formatDateTime(row.seen)}>{formatAgo(row.seen, now)}</span>
        ),
    },
    {
      id: "actions",
      label: "",
      align: "right",
      cell: (row) => row.kind === "person" && <PersonActs row={row} onAsk={onAsk} onLetIn={onLetIn} />,
    },
  ];
}

interface ActsProps {
  row: PersonView;
  onAsk: (asked: Asked) => void;
  onLetIn: (id: string) => void;
}

function PersonActs({ row, onAsk, onLetIn }: ActsProps) {
  if (row.disabled !== null) {
    return (
      <WriteButton
        needs="member:write"
        variant="default"
        leftSection={<UserCheck size={13} />}
        onClick={() => onLetIn(row.id)}
      >
        Let in again
      </WriteButton>
    );
  }
  return (
    <span className={css.acts}>
      <WriteButton
        needs="member:write"
        variant="default"
        leftSection={<LogOut size={13} />}
        onClick={() => onAsk({ person: row, what: "end" })}
        aria-label={`End sessions of ${row.name}`}
      >
        End sessions
      </WriteButton>
      <WriteButton
        needs="member:write"
        variant="default"
        leftSection={<Ban size={13} />}
        onClick={() => onAsk({ person: row, what: "disable" })}
        aria-label={`Let in no more: ${row.name}`}
      >
        Let in no more
      </WriteButton>
    </span>
  );
}
