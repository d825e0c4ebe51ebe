import { Link } from "@tanstack/react-router";
import type { LimitEventView, LimitView } from "@/api/types";
import { formatDateTime } from "@/lib/format";
import { useKeyName } from "@/lib/keyName";
import { type Column, DataTable } from "@/ui/DataTable";
import { ofBound } from "./amounts";
import { refusedBy } from "./filled";
import css from "./limits.module.css";

const KINDS: Record<LimitEventView["kind"], string> = {
  soft_reached: "soft limit passed",
  exhausted: "used up: calls were refused",
  overdraft: "more spent than the bound",
  larger: "a call alone larger than the whole limit: it was refused",
};

interface Props {
  project: string;
  events: LimitEventView[];
  limits: LimitView[];
}

/** What happened to limits, newest first. */
export function Events({ project, events, limits }: Props) {
  const measureOf = (name: string) => limits.find((limit) => limit.name === name)?.measure ?? "requests";
  const keyName = useKeyName(
    project,
    events.map((event) => event.values.key ?? ""),
  );
  const who = ({ values }: LimitEventView) =>
    Object.entries(values)
      .map(([name, value]) => (value === "" ? `no ${name}` : name === "key" ? keyName(value) : value))
      .join(", ");
  const columns: Column<LimitEventView>[] = [
    { id: "at", label: "when", cell: (event) => formatDateTime(event.at).slice(5, 19) },
    { id: "limit", label: "limit", cell: (event) => event.limit },
    { id: "who", label: "of", cell: (event) => who(event) || "everybody" },
    { id: "kind", label: "what", cell: (event) => KINDS[event.kind] },
    {
      id: "used",
      label: "used",
      align: "right",
      cell: (event) => {
        const amounts = ofBound(measureOf(event.limit), event.used, event.bound);
        return event.kind === "larger" ? `asked for ${amounts}` : amounts;
      },
    },
    {
      id: "calls",
      label: "calls",
      cell: (event) => {
        const refused = refusedBy(event, Date.now());
        return refused ? (
          <Link to="/p/$project/traces" params={{ project }} search={refused}>
            refused since
          </Link>
        ) : (
          <span className="muted">–</span>
        );
      },
    },
  ];
  return (
    <section className={css.events} aria-label="Events">
      <h2>What happened</h2>
      <DataTable label="Events of limits" columns={columns} rows={events} rowKey={(event) => event.id} />
    </section>
  );
}
