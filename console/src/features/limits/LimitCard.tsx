import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { inProject } from "@/api/client";
import { limitsQuery } from "@/api/queries";
import type { LimitEventView, LimitView } from "@/api/types";
import { formatAgo, formatDateTime } from "@/lib/format";
import { useKeyName } from "@/lib/keyName";
import { useMay } from "@/lib/role";
import { Tag } from "@/ui/bits";
import { EditOrDelete } from "@/ui/EditOrDelete";
import { FromFile, fixedByFile } from "@/ui/FromFile";
import { amount, bare, inWords, ofBound, percentUsed } from "./amounts";
import { BurnDown } from "./BurnDown";
import { filledBy } from "./filled";
import css from "./limits.module.css";
import { LargerThanAll, UsedUp } from "./UsedUp";

const NEAR = 80;

type Standing = LimitView["standings"][number];

interface CardProps {
  project: string;
  limit: LimitView;
  /** Of all limits. */
  events: readonly LimitEventView[];
  onEdit: () => void;
}

/** One rule: how far it is used, and when it will be at this pace. */
export function LimitCard({ project, limit, events, onEdit }: CardProps) {
  const may = useMay("limit:write");
  const fixed = fixedByFile(limit);
  return (
    <li className={css.card} data-limit={limit.name}>
      <div className={css.cardHead}>
        <div style={{ minWidth: 0 }}>
          <div className={css.name}>
            <span className="ellipsis">{limit.name}</span>
            <Tag tone={limit.mode === "soft" ? undefined : "accent"} title={MODES[limit.mode]}>
              {limit.mode}
            </Tag>
            <FromFile thing={limit} />
          </div>
          <div className="muted">{inWords(limit)}</div>
        </div>
        <div className={css.actions}>
          <EditOrDelete
            thing={limit}
            path={inProject(project, "limits", limit.name)}
            stale={limitsQuery(project).queryKey}
            needs="limit:write"
            why={fixed}
            onEdit={onEdit}
          >
            Calls are then no longer held back by it, at once and in every worker. What it has counted stays until its
            window ends, in case you add it again.
          </EditOrDelete>
        </div>
      </div>
      {limit.standings.length === 0 ? (
        <p className="muted">Nothing counted in this window yet.</p>
      ) : (
        limit.standings.map((standing) => (
          <div key={JSON.stringify(standing.values)}>
            <Burn project={project} limit={limit} standing={standing} />
            <UsedUp
              project={project}
              limit={limit}
              standing={standing}
              events={events}
              now={Date.now()}
              onEdit={may && !fixed ? onEdit : undefined}
            />
          </div>
        ))
      )}
      <LargerThanAll
        project={project}
        limit={limit}
        events={events}
        now={Date.now()}
        onEdit={may && !fixed ? onEdit : undefined}
      />
    </li>
  );
}

const MODES: Record<LimitView["mode"], string> = {
  hard: "Calls that would pass it are refused.",
  soft: "Calls go on; it tells when it is passed.",
};

const HELD = "Reserved by calls under way, or lent to workers ahead of need. What they do not use comes back.";

function Burn({ project, limit, standing }: { project: string; limit: LimitView; standing: Standing }) {
  const keyName = useKeyName(project, [standing.values.key ?? ""]);
  const [open, setOpen] = useState(false);
  const used = percentUsed(limit, standing.used);
  const held = Math.min(100 - Math.min(100, used), percentUsed(limit, standing.held));
  const state = used >= 100 ? "full" : used >= NEAR ? "near" : "well";
  const now = Date.now();
  const filled = filledBy(limit, standing, now);
  const who = Object.entries(standing.values).map(([name, value]) =>
    value === "" ? `no ${name}` : `${name} ${name === "key" ? keyName(value) : value}`,
  );
  return (
    <div className={css.burn} data-state={state}>
      <div className={css.burnHead}>
        <span>
          {who.length > 0 && <strong>{who.join(", ")} </strong>}
          <span className="num">{ofBound(limit.measure, standing.used, limit.bound)}</span>
          {state === "full" && <span className={css.word}> · used up</span>}
          {state === "near" && <span className={css.word}> · nearly used up</span>}
        </span>
        <span className="num muted">{Math.round(used)} %</span>
      </div>
      <div
        className={css.bar}
        role="progressbar"
        aria-label={`${limit.name} ${who.join(", ")}`.trim()}
        aria-valuenow={Math.round(Math.min(100, used))}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <span className={css.used} style={{ width: `${Math.min(100, used)}%` }} />
        <span className={css.held} style={{ width: `${held}%` }} title={HELD} />
      </div>
      <div className={css.burnFoot}>
        <span>{bare(limit.measure, standing.remaining)} left</span>
        {held > 0 && (
          <span className={css.key} title={HELD}>
            <span className={css.held} aria-hidden="true" />
            {bare(limit.measure, standing.held)} of it reserved
          </span>
        )}
        {Number(standing.burn_rate) > 0 && limit.measure !== "concurrency" && (
          <span title={`On average since ${formatDateTime(standing.started)}`}>
            {amount(limit.measure, standing.burn_rate)} an hour on average
          </span>
        )}
        {standing.exhausted !== null && state !== "full" && (
          <span className={css.word}>at this pace used up {formatAgo(standing.exhausted, now)}</span>
        )}
        {standing.resets !== null && (
          <span title={formatDateTime(standing.resets)}>begins anew {formatAgo(standing.resets, now)}</span>
        )}
        {filled && Number(standing.used) > 0 && (
          <Link to="/p/$project/costs" params={{ project }} search={filled}>
            What filled it
          </Link>
        )}
        {limit.measure !== "concurrency" && (
          <button type="button" className={css.more} aria-expanded={open} onClick={() => setOpen(!open)}>
            Burn-down
          </button>
        )}
      </div>
      {open && (
        <BurnDown project={project} limit={limit} values={limit.per.map((name) => standing.values[name] ?? "")} />
      )}
    </div>
  );
}
