/** States as shape + word, so that colour never carries the meaning alone. */

import {
  Bot,
  Braces,
  CircleCheck,
  CircleDashed,
  CircleHelp,
  CircleSlash,
  CircleX,
  Database,
  FileSearch,
  Gauge,
  ListOrdered,
  LoaderCircle,
  type LucideIcon,
  MemoryStick,
  MessageSquareText,
  Radio,
  ShieldCheck,
  Spline,
  Waypoints,
  Wrench,
} from "lucide-react";
import type { Health, SpanKind, Status } from "@/api/types";

interface Look {
  icon: LucideIcon;
  color: string;
  label: string;
}

const STATUS: Record<Status, Look> = {
  ok: { icon: CircleCheck, color: "var(--good)", label: "ok" },
  error: { icon: CircleX, color: "var(--bad)", label: "error" },
  cancelled: { icon: CircleSlash, color: "var(--warn)", label: "cancelled" },
  running: { icon: LoaderCircle, color: "var(--accent)", label: "running" },
};
const HEALTH: Record<Health, Look> = {
  healthy: { icon: CircleCheck, color: "var(--good)", label: "healthy" },
  failing: { icon: CircleX, color: "var(--bad)", label: "failing" },
  unknown: { icon: CircleDashed, color: "var(--text-3)", label: "not known yet" },
};
const KIND: Record<SpanKind, Look> = {
  llm: { icon: MessageSquareText, color: "var(--k-llm)", label: "llm" },
  embedding: { icon: Braces, color: "var(--k-find)", label: "embedding" },
  retriever: { icon: FileSearch, color: "var(--k-find)", label: "retriever" },
  reranker: { icon: ListOrdered, color: "var(--k-find)", label: "reranker" },
  tool: { icon: Wrench, color: "var(--k-tool)", label: "tool" },
  agent: { icon: Bot, color: "var(--k-agent)", label: "agent" },
  workflow: { icon: Waypoints, color: "var(--k-agent)", label: "workflow" },
  guardrail: { icon: ShieldCheck, color: "var(--k-tool)", label: "guardrail" },
  evaluator: { icon: Gauge, color: "var(--k-agent)", label: "evaluator" },
  memory: { icon: MemoryStick, color: "var(--k-find)", label: "memory" },
  event: { icon: Radio, color: "var(--k-plain)", label: "event" },
  span: { icon: Spline, color: "var(--k-plain)", label: "span" },
};
const UNKNOWN: Look = { icon: CircleHelp, color: "var(--text-3)", label: "unknown" };

export const kindLook = (kind: string): Look => KIND[kind as SpanKind] ?? { ...KIND.span, icon: Database, label: kind };
export const statusLook = (status: string): Look => STATUS[status as Status] ?? UNKNOWN;

function Sign({ look, label, size = 15 }: { look: Look; label?: boolean; size?: number }) {
  const Icon = look.icon;
  return (
    <span style={{ display: "inline-flex", alignItems: "center", gap: 5, color: look.color, whiteSpace: "nowrap" }}>
      <Icon size={size} strokeWidth={2} aria-hidden="true" />
      {label ? <span>{look.label}</span> : <span className="sr-only">{look.label}</span>}
    </span>
  );
}

export const StatusSign = (p: { status: string; label?: boolean; size?: number }) => (
  <Sign look={statusLook(p.status)} label={p.label} size={p.size} />
);
export const HealthSign = (p: { health: Health; label?: boolean }) => (
  <Sign look={HEALTH[p.health] ?? UNKNOWN} label={p.label} />
);
export const KindSign = (p: { kind: string; label?: boolean; size?: number }) => (
  <Sign look={kindLook(p.kind)} label={p.label} size={p.size} />
);
