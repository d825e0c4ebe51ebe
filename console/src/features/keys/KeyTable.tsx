import { Link } from "@tanstack/react-router";
import { Ban, ListOrdered, RefreshCw } from "lucide-react";
import type { KeyView } from "@/api/types";
import { formatAgo, formatDateTime } from "@/lib/format";
import { Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { WriteButton } from "@/ui/WriteButton";

interface Props {
  project: string;
  keys: KeyView[];
  onRevoke: (key: KeyView) => void;
  onReplace: (key: KeyView) => void;
  /** Sets how high its calls may stand in a queue; nothing where that is not offered. */
  onPriority?: (key: KeyView) => void;
  /** Without a panel around it: it stands in one. */
  bare?: boolean;
}

const MINUTE_MS = 60_000;
const TONES = { active: "accent", expired: "warn", revoked: "bad" } as const;
/** Roles that say less of themselves are told by their names. */
const ROLES: Record<string, string> = {
  editor: "edits",
  reviewer: "reviews",
  read_only: "read only",
  client: "calls models",
};

/** What narrows a key beyond its role. */
function scopes(key: KeyView): string[] {
  const parts = [
    key.permissions && `only ${key.permissions.join(", ")}`,
    key.models && `models ${key.models.join(", ")}`,
    key.environments && `in ${key.environments.join(", ")}`,
    key.priority !== "high" && `priority at most ${key.priority}`,
    key.owner && `of ${key.owner_name || key.owner}`,
  ];
  return parts.filter((part): part is string => Boolean(part));
}

function when(ms: number | null, now: number) {
  return ms === null ? "" : <span title={formatDateTime(ms)}>{formatAgo(ms, now)}</span>;
}

/** It is known to the minute: one that is not over, or has just been, is no number of seconds ago. */
function lastUsed(ms: number | null, now: number) {
  if (ms === null) return <span className="muted">not noted</span>;
  return now - ms < 2 * MINUTE_MS ? <span title={formatDateTime(ms)}>just now</span> : when(ms, now);
}

export function KeyTable({ project, keys, onRevoke, onReplace, onPriority, bare = false }: Props) {
  const columns = [...facts(project), acts(onRevoke, onReplace, onPriority)];
  const table = <DataTable label="Keys" columns={columns} rows={keys} rowKey={(key) => key.id} />;
  return bare ? table : <Panel>{table}</Panel>;
}

function facts(project: string): Column<KeyView>[] {
  const now = Date.now();
  return [
    {
      id: "name",
      label: "name",
      cell: (key) => (
        <>
          <strong>{key.name || "unnamed"}</strong>
          <div className="mono muted">{key.prefix}…</div>
        </>
      ),
    },
    {
      id: "role",
      label: "may",
      cell: (key) => (
        <>
          {ROLES[key.role] ?? key.role}
          {scopes(key).map((scope) => (
            <div key={scope} className="muted">
              {scope}
            </div>
          ))}
        </>
      ),
    },
    { id: "state", label: "state", cell: (key) => <Tag tone={TONES[key.state]}>{key.state}</Tag> },
    { id: "created", label: "created", cell: (key) => when(key.created, now) },
    {
      id: "ends",
      label: "ends",
      cell: (key) =>
        key.revoked !== null ? (
          <>revoked {when(key.revoked, now)}</>
        ) : key.expires === null ? (
          <span className="muted">never</span>
        ) : (
          when(key.expires, now)
        ),
    },
    {
      id: "used",
      label: "last used",
      cell: (key) => lastUsed(key.last_used, now),
    },
    {
      id: "calls",
      label: "calls",
      cell: (key) => (
        <>
          <Link to="/p/$project/traces" params={{ project }} search={{ q: `key:${key.id}` }}>
            its calls
          </Link>
          {" · "}
          <Link to="/p/$project/costs" params={{ project }} search={{ q: `key:${key.id}` }}>
            its costs
          </Link>
        </>
      ),
    },
  ];
}

function acts(
  onRevoke: Props["onRevoke"],
  onReplace: Props["onReplace"],
  onPriority: Props["onPriority"],
): Column<KeyView> {
  return {
    id: "actions",
    label: "",
    align: "right",
    cell: (key) =>
      key.state === "active" && (
        <span style={{ display: "inline-flex", flexWrap: "wrap", justifyContent: "flex-end", gap: 6 }}>
          {onPriority && (
            <WriteButton
              needs="key:write"
              variant="default"
              leftSection={<ListOrdered size={13} />}
              onClick={() => onPriority(key)}
              aria-label={`Priority of ${key.name}`}
            >
              Priority
            </WriteButton>
          )}
          <WriteButton
            needs="key:write"
            variant="default"
            leftSection={<RefreshCw size={13} />}
            onClick={() => onReplace(key)}
            aria-label={`Replace ${key.name}`}
          >
            Replace
          </WriteButton>
          <WriteButton
            needs="key:write"
            variant="default"
            leftSection={<Ban size={13} />}
            onClick={() => onRevoke(key)}
            aria-label={`Revoke ${key.name}`}
          >
            Revoke
          </WriteButton>
        </span>
      ),
  };
}
