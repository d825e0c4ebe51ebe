import { Tooltip } from "@mantine/core";
import type { ReactNode } from "react";
import type { Tokens, TraceDetail } from "@/api/types";
import { formatInt, formatMs, plural } from "@/lib/format";
import { exactUsd, formatMoney } from "@/lib/money";
import { StatusSign, statusLook } from "@/ui/status";
import { ReleaseLink } from "../apps/ReleaseLink";
import { entrySpan } from "./entry";
import css from "./trace.module.css";

export const BUCKETS: { key: keyof Omit<Tokens, "total" | "estimated">; label: string; color: string }[] = [
  { key: "input", label: "input", color: "var(--k-find)" },
  { key: "cache_read", label: "cache read", color: "color-mix(in srgb, var(--k-find) 55%, var(--panel))" },
  { key: "cache_write", label: "cache write", color: "var(--k-tool)" },
  { key: "output", label: "output", color: "var(--accent)" },
  { key: "reasoning", label: "reasoning", color: "var(--k-agent)" },
];

/** How it went, in the numbers one asks for first. */
export function Verdict({ trace, compact = false }: { trace: TraceDetail; compact?: boolean }) {
  const entry = entrySpan(trace);
  if (!entry) return null;
  const { tokens } = trace;
  const answeredBy = entry.model_used && entry.model_used !== entry.model ? entry.model_used : entry.provider;
  const stop = entry.stop ? `, ended by ${entry.stop.replace("_", " ")}` : "";
  const foot = entry.status === "error" ? entry.error_code : `${entry.http_status || ""}${stop}`.replace(/^, /, "");
  return (
    <div className={css.verdict} data-compact={compact} data-testid="verdict">
      <Fact label="Status" foot={foot}>
        <span style={{ display: "inline-flex", gap: 6, alignItems: "center", color: statusLook(entry.status).color }}>
          <StatusSign status={entry.status} label size={compact ? 15 : 17} />
        </span>
      </Fact>
      <Fact label="Duration" foot={entry.stream ? "streamed" : "in one piece"}>
        {formatMs(trace.duration)}
      </Fact>
      <Fact
        label="First token"
        foot={
          entry.ttft === null
            ? entry.stream
              ? "none came"
              : "not a stream"
            : speed(tokens, trace.duration, entry.ttft)
        }
      >
        {formatMs(entry.ttft)}
      </Fact>
      <Fact label="Cost" foot={trace.unpriced > 0 ? `${plural(trace.unpriced, "span")} without a price` : ""}>
        <Tooltip
          label={
            trace.cost !== null
              ? exactUsd(trace.cost)
              : trace.unpriced > 0
                ? "No price is known for the model; see the cost view."
                : "No provider told of anything used."
          }
        >
          <span>
            {trace.cost !== null && trace.unpriced > 0 && "≥ "}
            {trace.cost !== null ? formatMoney(trace.cost) : trace.unpriced > 0 ? "no price" : "–"}
          </span>
        </Tooltip>
      </Fact>
      <Fact label={tokens.estimated ? "Tokens, part estimated" : "Tokens"}>
        <Tooltip label={<BucketList tokens={tokens} />}>
          <span>
            {formatInt(tokens.total)}
            <BucketBar tokens={tokens} />
          </span>
        </Tooltip>
        <div className={`${css.factFoot} num`} style={{ fontWeight: 400, letterSpacing: 0 }}>
          {formatInt(tokens.input + tokens.cache_read + tokens.cache_write)} in,{" "}
          {formatInt(tokens.output + tokens.reasoning)} out
        </div>
      </Fact>
      <Fact label="Model" foot={answeredBy ? `answered by ${answeredBy}` : ""}>
        <span className="ellipsis" style={{ display: "block", maxWidth: 240 }} title={entry.model}>
          {entry.model || "–"}
        </span>
        {entry.release && (
          <div className={css.factFoot} style={{ fontWeight: 400, letterSpacing: 0 }}>
            <ReleaseLink span={entry} whole />
          </div>
        )}
        {(entry.attempts > 1 || entry.fallbacks > 0) && (
          <div className={css.factFoot} style={{ color: "var(--warn)", fontWeight: 500, letterSpacing: 0 }}>
            {plural(entry.attempts, "attempt")}
            {entry.fallbacks > 0 && `, ${plural(entry.fallbacks, "fallback")}`}
          </div>
        )}
      </Fact>
    </div>
  );
}

function speed(tokens: Tokens, duration: number, ttft: number): string {
  const seconds = (duration - ttft) / 1000;
  const out = tokens.output + tokens.reasoning;
  return seconds > 0.02 && out > 4 ? `then ${(out / seconds).toFixed(out / seconds < 10 ? 1 : 0)} tokens/s` : "";
}

function Fact({ label, foot, children }: { label: string; foot?: string; children: ReactNode }) {
  return (
    <div className={css.fact}>
      <div className={css.factLabel}>{label}</div>
      <div className={css.factValue}>{children}</div>
      {foot && <div className={`${css.factFoot} ellipsis`}>{foot}</div>}
    </div>
  );
}

export function BucketBar({ tokens }: { tokens: Tokens }) {
  return (
    <span className={css.buckets} aria-hidden="true">
      {BUCKETS.map(
        (b) => tokens[b.key] > 0 && <span key={b.key} style={{ flexGrow: tokens[b.key], background: b.color }} />,
      )}
    </span>
  );
}

function BucketList({ tokens }: { tokens: Tokens }) {
  return (
    <span style={{ display: "grid", gap: 2 }}>
      {BUCKETS.map((b) => (
        <span key={b.key} className="num">
          {b.label}: {formatInt(tokens[b.key])}
        </span>
      ))}
      <span className="num">total: {formatInt(tokens.total)}</span>
    </span>
  );
}
