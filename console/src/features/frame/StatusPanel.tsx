import { Popover } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { CircleCheck, CircleX, Hourglass, TriangleAlert } from "lucide-react";
import { asProblem } from "@/api/client";
import { statusQuery } from "@/api/queries";
import type { ServerStatus } from "@/api/types";
import { formatAgo, formatInt, formatMs, plural } from "@/lib/format";
import { Facts } from "@/ui/bits";
import css from "./frame.module.css";

interface Summary {
  state: "ok" | "warn" | "bad";
  title: string;
  line: string;
}

/** One sentence on the server: can it be relied on, and is what was received on show already? */
export function summarise(status: ServerStatus | undefined, error: unknown): Summary {
  if (error) {
    const problem = asProblem(error);
    if (problem.status === 401) return { state: "warn", title: "Signed out", line: "Your session has ended" };
    return { state: "bad", title: "Server away", line: problem.message };
  }
  if (!status) return { state: "ok", title: "Connecting", line: "Asking the server" };
  const { telemetry, catalog } = status;
  const waiting = telemetry.waiting > 0 ? `${plural(telemetry.waiting, "record")} safe on disk` : "";
  if (catalog.state === "failed") return { state: "bad", title: "Catalog failed", line: catalog.detail };
  if (telemetry.state === "full") return { state: "bad", title: "Store full", line: waiting || telemetry.detail };
  if (telemetry.state === "down") return { state: "bad", title: "Store down", line: waiting || telemetry.detail };
  if (telemetry.state === "starting") return { state: "warn", title: "Store starting", line: waiting || "A moment" };
  if (catalog.state === "warning") return { state: "warn", title: "Catalog", line: catalog.detail };
  if (telemetry.rejected > 0) {
    return { state: "warn", title: "Records set aside", line: `${plural(telemetry.rejected, "record")} unreadable` };
  }
  if (telemetry.waiting > 0 && telemetry.behind_ms > 2000) {
    return {
      state: "warn",
      title: "Indexing",
      line: `${formatInt(telemetry.waiting)} waiting, ${formatMs(telemetry.behind_ms)} behind`,
    };
  }
  return { state: "ok", title: "All recorded", line: plural(telemetry.spans, "span") };
}

const ICONS = { ok: CircleCheck, warn: TriangleAlert, bad: CircleX };
const COLORS = { ok: "var(--good)", warn: "var(--warn)", bad: "var(--bad)" };

export function StatusPanel() {
  const { data, error } = useQuery(statusQuery());
  const summary = summarise(data, error);
  const Icon = summary.title === "Indexing" ? Hourglass : ICONS[summary.state];
  return (
    <Popover position="right-end" width={320} shadow="md">
      <Popover.Target>
        <button type="button" className={css.status} data-state={summary.state} data-testid="server-status">
          <span className={css.statusLine}>
            <Icon size={14} color={COLORS[summary.state]} aria-hidden="true" />
            {summary.title}
          </span>
          <span className="num ellipsis" style={{ display: "block" }}>
            {summary.line}
          </span>
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <Details status={data} summary={summary} />
      </Popover.Dropdown>
    </Popover>
  );
}

function Details({ status, summary }: { status: ServerStatus | undefined; summary: Summary }) {
  if (!status) return <p>{summary.line}</p>;
  const { telemetry, catalog } = status;
  return (
    <Facts
      rows={[
        ["Store", `${telemetry.state}${telemetry.detail ? `: ${telemetry.detail}` : ""}`],
        ["Waiting", `${plural(telemetry.waiting, "record")}, oldest ${formatMs(telemetry.behind_ms)}`],
        ["Set aside", telemetry.rejected > 0 ? <SetAside count={telemetry.rejected} /> : "0 records"],
        ["Spans", formatInt(telemetry.spans)],
        ["Mapping processes", telemetry.mappers + telemetry.mappers_lost > 0 && mappers(telemetry)],
        ["Catalog", `${catalog.state}${catalog.detail ? `: ${catalog.detail}` : ""}`],
        ["Mend", catalog.fix],
        ["Workers", formatInt(status.workers)],
        ["Started", formatAgo(status.started, Date.now())],
        ["Data folder", status.data_dir && <code>{status.data_dir}</code>],
        ["Config file", status.config_file && <code>{status.config_file}</code>],
        ["Version", <code key="v">{status.compiled ? `${status.version} (compiled)` : status.version}</code>],
      ]}
    />
  );
}

function mappers({ mappers, mappers_lost: lost }: ServerStatus["telemetry"]) {
  return lost > 0 ? `${formatInt(mappers)}, and ${formatInt(lost)} that died or hung` : formatInt(mappers);
}

function SetAside({ count }: { count: number }) {
  const { project } = useParams({ strict: false });
  const label = plural(count, "record");
  if (!project) return label;
  return (
    <Link to="/p/$project/dead-letters" params={{ project }}>
      {label}
    </Link>
  );
}

/** The same in one mark, for the top bar of a phone. */
export function StatusDot() {
  const { data, error } = useQuery(statusQuery());
  const summary = summarise(data, error);
  const Icon = ICONS[summary.state];
  return (
    <span role="status" style={{ display: "inline-flex", alignItems: "center", gap: 4, fontSize: 12 }}>
      <Icon size={15} color={COLORS[summary.state]} aria-hidden="true" />
      {summary.state === "ok" ? <span className="sr-only">{summary.title}</span> : summary.title}
    </span>
  );
}
