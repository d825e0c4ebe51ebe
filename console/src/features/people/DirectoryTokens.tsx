import { Select, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { del, post } from "@/api/client";
import { type DirectoryToken, directoryAt, directoryTokensQuery, type IssuedDirectoryToken } from "@/api/identity";
import { formatAgo, formatDateTime } from "@/lib/format";
import { Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { Code } from "@/ui/Copy";
import { type Column, DataTable } from "@/ui/DataTable";
import { FormDialog } from "@/ui/FormDialog";
import { Pending } from "@/ui/Pending";
import { ShownOnce } from "@/ui/ShownOnce";
import { WriteButton } from "@/ui/WriteButton";
import css from "./people.module.css";

interface Props {
  organisation: string;
  /** Why nothing can be changed. */
  why: string | undefined;
}

/** What the identity provider shows; up to ten work at a time, so that one takes the place of another. */
export function DirectoryTokens({ organisation, why }: Props) {
  const found = useQuery(directoryTokensQuery(organisation));
  const [making, setMaking] = useState(false);
  const [issued, setIssued] = useState<IssuedDirectoryToken | null>(null);
  const [ending, setEnding] = useState<DirectoryToken | null>(null);
  return (
    <>
      <div className={css.bar} style={{ margin: 0 }}>
        <p className="muted">
          The provider is given the base URL and a token. It opens that door and nothing else; up to ten work at a time.
        </p>
        <WriteButton needs={null} size="sm" leftSection={<Plus size={15} />} why={why} onClick={() => setMaking(true)}>
          New token
        </WriteButton>
      </div>
      <Pending of={found} height={80} />
      {found.data?.length === 0 && <p className="muted">There is no token: the provider cannot come in.</p>}
      {found.data && found.data.length > 0 && (
        <Panel>
          <DataTable label="Tokens" columns={columns(why, setEnding)} rows={found.data} rowKey={(row) => row.id} />
        </Panel>
      )}
      {making && (
        <NewToken
          organisation={organisation}
          onIssued={(made) => {
            setMaking(false);
            setIssued(made);
          }}
          onClose={() => setMaking(false)}
        />
      )}
      {issued && <Shown issued={issued} onClose={() => setIssued(null)} />}
      <EndToken organisation={organisation} token={ending} onClose={() => setEnding(null)} />
    </>
  );
}

function columns(why: string | undefined, onEnd: (token: DirectoryToken) => void): Column<DirectoryToken>[] {
  const now = Date.now();
  const when = (at: number) => <span title={formatDateTime(at)}>{formatAgo(at, now)}</span>;
  return [
    {
      id: "name",
      label: "token",
      cell: (row) => (
        <>
          <strong>{row.name}</strong> <span className="muted mono">{row.prefix}…</span>
        </>
      ),
    },
    { id: "created", label: "made", cell: (row) => when(row.created) },
    {
      id: "seen",
      label: "last shown",
      cell: (row) => (row.seen === null ? <span className="muted">never</span> : when(row.seen)),
    },
    {
      id: "expires",
      label: "ends",
      cell: (row) => {
        if (row.expires === null) return <span className="muted">never</span>;
        return row.expires <= now ? <Tag tone="bad">ended</Tag> : formatDateTime(row.expires);
      },
    },
    {
      id: "acts",
      label: "",
      align: "right",
      cell: (row) => (
        <WriteButton
          needs={null}
          variant="default"
          why={why}
          onClick={() => onEnd(row)}
          aria-label={`End the token ${row.name}`}
        >
          End
        </WriteButton>
      ),
    },
  ];
}

const DAY = 86_400_000;
const LIFETIMES = [
  { value: "", label: "never" },
  { value: "90", label: "in 90 days" },
  { value: "365", label: "in a year" },
];

interface NewProps {
  organisation: string;
  onIssued: (issued: IssuedDirectoryToken) => void;
  onClose: () => void;
}

function NewToken({ organisation, onIssued, onClose }: NewProps) {
  const [name, setName] = useState("");
  const [days, setDays] = useState("");
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: () =>
      post<IssuedDirectoryToken>(directoryAt(organisation, "tokens"), {
        name: name.trim(),
        expires: days ? Date.now() + Number(days) * DAY : null,
      }),
    onSuccess: async (made) => {
      onIssued(made);
      await queries.invalidateQueries({ queryKey: directoryTokensQuery(organisation).queryKey });
    },
  });
  return (
    <FormDialog
      title="New token of the directory"
      action="Make it"
      off={!name.trim()}
      asking={make}
      onSubmit={() => make.mutate()}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        description="Who shows it. The audit log names it with every change."
        placeholder="okta"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-autofocus
      />
      <Select
        label="It ends"
        data={LIFETIMES}
        value={days}
        onChange={(value) => setDays(value ?? "")}
        allowDeselect={false}
      />
    </FormDialog>
  );
}

/** The only time the secret can be shown. */
function Shown({ issued, onClose }: { issued: IssuedDirectoryToken; onClose: () => void }) {
  return (
    <ShownOnce
      title={issued.token.name}
      warning="Copy it now"
      because="This is the only time it is shown. Trimtab keeps its hash; if it is lost, make another and end this one."
      testId="directory-secret"
      onClose={onClose}
    >
      <Code text={issued.secret} label="Copy the token" wrap />
      <p className="muted">It is given to the provider together with the base URL:</p>
      <Code text={issued.url} label="Copy the base URL" wrap />
    </ShownOnce>
  );
}

interface EndProps {
  organisation: string;
  token: DirectoryToken | null;
  onClose: () => void;
}

function EndToken({ organisation, token, onClose }: EndProps) {
  const queries = useQueryClient();
  const end = useMutation({
    mutationFn: (id: string) => del(directoryAt(organisation, "tokens", id)),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: directoryTokensQuery(organisation).queryKey });
      onClose();
    },
  });
  return (
    <Confirm
      opened={token !== null}
      title={`End the token ${token?.name}?`}
      action="End it"
      busy={end.isPending}
      error={end.error}
      onConfirm={() => token && end.mutate(token.id)}
      onClose={() => {
        end.reset();
        onClose();
      }}
    >
      Whoever shows it is refused from now on: people who leave the company stay in until the provider has another.
    </Confirm>
  );
}
