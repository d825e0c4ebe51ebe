import { CircleCheck, CircleDot, CircleX, KeyRound, type LucideIcon } from "lucide-react";
import type { TargetView } from "@/api/types";
import { formatInt, formatMs, plural } from "@/lib/format";
import { Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import css from "./targets.module.css";

const BREAKERS: Record<TargetView["breaker"], { icon: LucideIcon; color: string; label: string }> = {
  closed: { icon: CircleCheck, color: "var(--good)", label: "closed" },
  half_open: { icon: CircleDot, color: "var(--warn)", label: "half open" },
  open: { icon: CircleX, color: "var(--bad)", label: "open" },
};
const SHOWN = 6;

/** What needs a look first: an open breaker, a key set aside, a queue, load. */
function trouble(target: TargetView): number {
  const aside = target.keys.some((key) => key.set_aside_s > 0);
  return (
    (target.breaker === "open" ? 8 : target.breaker === "half_open" ? 4 : 0) +
    (aside ? 2 : 0) +
    (target.waiting > 0 ? 1 : 0)
  );
}

interface Props {
  provider: string;
  targets: TargetView[];
  all: boolean;
  onAll: () => void;
}

/** How each model of a provider fares now. */
export function Targets({ provider, targets, all, onAll }: Props) {
  if (targets.length === 0) return <p className={css.none}>This worker has not called it since it started.</p>;
  const first = [...targets].sort((a, b) => trouble(b) - trouble(a) || b.answered + b.failed - (a.answered + a.failed));
  return (
    <>
      <DataTable
        label={`Targets of ${provider}`}
        columns={COLUMNS}
        rows={all ? first : first.slice(0, SHOWN)}
        rowKey={(target) => target.model}
      />
      {!all && first.length > SHOWN && (
        <button type="button" className={css.more} onClick={onAll}>
          {formatInt(first.length - SHOWN)} more
        </button>
      )}
    </>
  );
}

const COLUMNS: Column<TargetView>[] = [
  { id: "model", label: "model there", cell: (target) => <strong className={css.model}>{target.model}</strong> },
  { id: "breaker", label: "breaker", cell: (target) => <Breaker target={target} /> },
  { id: "load", label: "under way", align: "right", cell: (target) => formatInt(target.in_flight) },
  { id: "waiting", label: "in queue", align: "right", cell: (target) => formatInt(target.waiting) },
  {
    id: "latency",
    label: "first token",
    align: "right",
    cell: (target) => (
      <span title="Peak-sensitive average of the time to the first token, as of the last answer">
        {formatMs(target.latency_ms)}
      </span>
    ),
  },
  {
    id: "p95",
    label: "95th percentile",
    align: "right",
    cell: (target) => (
      <span title={target.p95_ms === null ? "Told from 20 answers on" : "Of the last 128 answers"}>
        {target.p95_ms === null ? <span className="muted">too few</span> : formatMs(target.p95_ms)}
      </span>
    ),
  },
  { id: "answered", label: "answered", align: "right", cell: (target) => formatInt(target.answered) },
  {
    id: "failed",
    label: "failed",
    align: "right",
    cell: (target) => <span className={target.failed ? css.bad : "muted"}>{formatInt(target.failed)}</span>,
  },
  { id: "keys", label: "keys", cell: (target) => <Keys keys={target.keys} /> },
];

function Breaker({ target }: { target: TargetView }) {
  const look = BREAKERS[target.breaker];
  return (
    <span className={css.breaker}>
      <span className={css.sign} style={{ color: look.color }}>
        <look.icon size={15} aria-hidden="true" />
        {look.label}
      </span>
      <span className="muted">
        {[
          target.breaker === "open" && target.opens_again_s === 0 && "the next call tries",
          target.opens_again_s > 0 && `tries again in ${formatMs(1000 * target.opens_again_s)}`,
          target.openings > 0 && `opened ${plural(target.openings, "time")}`,
        ]
          .filter(Boolean)
          .join(", ")}
      </span>
    </span>
  );
}

/** The last four characters of each key; one that is set aside says for how long, and why. */
function Keys({ keys }: { keys: TargetView["keys"] }) {
  if (keys.length === 0) return <span className="muted">none</span>;
  return (
    <ul className={css.keys}>
      {keys.map((key, i) => (
        <li key={`${key.hint}/${i}`}>
          <KeyRound size={13} aria-hidden="true" />
          <span className="mono">{key.hint ? `••••${key.hint}` : `key ${i + 1}`}</span>
          {key.set_aside_s > 0 ? (
            <>
              <Tag tone="warn">set aside {formatMs(1000 * key.set_aside_s)}</Tag>
              <span className={css.why}>{key.why}</span>
            </>
          ) : (
            keys.length > 1 && <span className="muted num">{formatInt(key.in_flight)} under way</span>
          )}
        </li>
      ))}
    </ul>
  );
}
