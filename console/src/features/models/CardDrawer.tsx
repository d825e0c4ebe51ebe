import { Drawer } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import {
  ChevronDown,
  ChevronRight,
  CircleCheck,
  CircleHelp,
  CircleMinus,
  CircleX,
  type LucideIcon,
} from "lucide-react";
import { Fragment } from "react";
import { cardQuery } from "@/api/queries";
import type { CardView } from "@/api/types";
import { formatAgo, formatDateTime, formatInt } from "@/lib/format";
import { Empty, Tag } from "@/ui/bits";
import { Code } from "@/ui/Copy";
import { Notice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import ui from "@/ui/ui.module.css";
import { type CheckRow, commandOf, type Outcome, openOf, tableOf, toggled } from "./card";
import css from "./card.module.css";

const LOOKS: Record<Outcome, { icon: LucideIcon; color: string; label: string }> = {
  pass: { icon: CircleCheck, color: "var(--good)", label: "pass" },
  fail: { icon: CircleX, color: "var(--bad)", label: "fail" },
  not_supported: { icon: CircleMinus, color: "var(--text-2)", label: "not supported" },
  could_not_tell: { icon: CircleHelp, color: "var(--warn)", label: "could not tell" },
};
const OUTCOMES: Outcome[] = ["pass", "fail", "not_supported", "could_not_tell"];
const words = (name: string) => name.replaceAll("_", " ");

interface Props {
  project: string;
  name: string;
  open: string | undefined;
  onOpen: (open: string) => void;
  onClose: () => void;
}

/** "What was this model shown to do, through which dialect, and on what evidence?" */
export function CardDrawer({ project, name, open, onOpen, onClose }: Props) {
  const card = useQuery(cardQuery(project, name));
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={860}
      title={<strong>What {name} can do</strong>}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Pending of={card} height={240} />
      {card.data === null && (
        <Empty title="Never tried">
          <p>
            A capability card says what a model was found to do: each check through each dialect, with the evidence.
            Nothing is claimed that was not tried. Make one with real calls (some thirty small ones per dialect);
            keeping it needs the admin key:
          </p>
          <Code text={commandOf(project, name, window.location.origin)} label="Copy the command" />
        </Empty>
      )}
      {card.data && <Card project={project} card={card.data} open={open} onOpen={onOpen} />}
    </Drawer>
  );
}

interface CardProps {
  project: string;
  card: CardView;
  open: string | undefined;
  onOpen: (open: string) => void;
}

function Card({ project, card, open, onOpen }: CardProps) {
  const table = tableOf(card.results);
  const opened = openOf(open, table.rows);
  return (
    <div className={css.card} data-testid="card">
      <div>
        <strong>{card.upstream}</strong> <span className="muted">at</span> {card.provider}
        <div className="muted">
          Card {card.number}, tried {formatAgo(card.made, Date.now())} ({formatDateTime(card.made)}), checks version{" "}
          {card.suite}.{" "}
          <Link
            to="/p/$project/traces"
            params={{ project }}
            search={{ q: `feature:conformance model:"${card.model}"` }}
          >
            its calls
          </Link>
        </div>
      </div>
      {!card.current && (
        <Notice tone="warn" title="The model has been pointed elsewhere since">
          What stands here is of {card.upstream} at {card.provider}; what the model can do now is not known.
        </Notice>
      )}
      <section aria-label="Summary">
        <ul className={css.counts}>
          {OUTCOMES.map((outcome) => (
            <li key={outcome} data-none={table.counts[outcome] === 0}>
              <span className="num">{formatInt(table.counts[outcome])}</span>{" "}
              <Sign outcome={outcome} faint={table.counts[outcome] === 0} />
            </li>
          ))}
        </ul>
        <div className={css.capabilities}>
          <span className="muted">Capabilities</span>
          {card.capabilities.length === 0
            ? "none was shown"
            : card.capabilities.map((name) => <Tag key={name}>{words(name)}</Tag>)}
        </div>
      </section>
      <div className={`${ui.panel} ${ui.scrollX}`}>
        <table className={ui.table} aria-label="Checks">
          <thead>
            <tr>
              <th scope="col">check</th>
              {table.fronts.map((front) => (
                <th key={front} scope="col">
                  {words(front)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {table.rows.map((row) => (
              <Check
                key={row.check}
                row={row}
                open={opened.has(row.check)}
                onToggle={() => onOpen(toggled(opened, row.check))}
              />
            ))}
          </tbody>
        </table>
      </div>
      <p className="muted">
        A capability is a check that passed through at least one dialect and failed through none. One run shows what one
        run showed; try it again when the model or its provider changes:
      </p>
      <Code text={commandOf(project, card.model, window.location.origin)} label="Copy the command" />
    </div>
  );
}

function Check({ row, open, onToggle }: { row: CheckRow; open: boolean; onToggle: () => void }) {
  const Arrow = open ? ChevronDown : ChevronRight;
  return (
    <Fragment>
      <tr>
        <th scope="row" className={css.check}>
          <button type="button" className={css.toggle} aria-expanded={open} onClick={onToggle}>
            <Arrow size={14} aria-hidden="true" />
            {words(row.check)}
          </button>
        </th>
        {row.cells.map((cell, i) => (
          <td key={i}>{cell ? <Sign outcome={cell.outcome} /> : <span className="muted">–</span>}</td>
        ))}
      </tr>
      {open && (
        <tr className={css.evidenceRow}>
          <td colSpan={row.cells.length + 1}>
            <dl className={css.evidence} aria-label={`Evidence of ${words(row.check)}`}>
              {row.results.map((result) => (
                <div key={result.front}>
                  <dt>
                    {words(result.front)} <Sign outcome={result.outcome} />
                  </dt>
                  <dd>{result.evidence}</dd>
                </div>
              ))}
            </dl>
          </td>
        </tr>
      )}
    </Fragment>
  );
}

function Sign({ outcome, faint = false }: { outcome: Outcome; faint?: boolean }) {
  const look = LOOKS[outcome];
  return (
    <span className={css.sign} style={{ color: faint ? "inherit" : look.color }}>
      <look.icon size={15} aria-hidden="true" />
      {look.label}
    </span>
  );
}
