import { Skeleton, Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Overview, Totals } from "@/api/types";
import { type Change, formatChange, formatCompact, formatInt, formatMs, formatPercent, plural } from "@/lib/format";
import { boundedMoney, exactUsd } from "@/lib/money";
import { setCompare, setOnly } from "@/search/language";
import type { RangeSearch } from "@/search/range";
import css from "./overview.module.css";

interface Props {
  overview: Overview | undefined;
  project: string;
  q: string;
  range: RangeSearch;
}

/** Whether a rise is bad news, good news, or neither. */
type Sense = "more-is-bad" | "neutral";

interface Tile {
  label: string;
  value: ReactNode;
  foot: ReactNode;
  change: Change;
  sense: Sense;
  q: string;
  tip: string;
}

const rate = (t: Totals) => (t.calls === 0 ? null : (100 * t.errors) / t.calls);

function tilesOf(now: Totals, before: Totals, q: string): Tile[] {
  const slow = now.p95 === null ? q : setCompare(q, "duration", `>${Math.floor(now.p95)}`);
  const late = now.ttft_p95 === null ? q : setCompare(q, "ttft", `>${Math.floor(now.ttft_p95)}`);
  return [
    {
      label: "Calls",
      value: formatCompact(now.calls),
      foot: now.cancelled > 0 || now.fallbacks > 0 ? callsFoot(now) : "",
      change: formatChange(now.calls, before.calls),
      sense: "neutral",
      q,
      tip: `${formatInt(now.calls)} calls, before ${formatInt(before.calls)}`,
    },
    {
      label: "Errors",
      value: (
        <>
          {formatCompact(now.errors)} <small>{formatPercent(now.errors, now.calls)}</small>
        </>
      ),
      foot: "",
      change: formatChange(rate(now), rate(before)),
      sense: "more-is-bad",
      q: setOnly(q, "status", "error"),
      tip: `${formatInt(now.errors)} of ${plural(now.calls, "call")} failed, before ${formatInt(before.errors)} of ${formatInt(before.calls)}. The change is of the rate.`,
    },
    {
      label: "Cost",
      value: noPrice(now) ? "no price" : boundedMoney(now.cost, now.unpriced),
      foot: now.unpriced > 0 ? `${plural(now.unpriced, "call")} without a price` : "",
      change: formatChange(Number(now.cost), Number(before.cost)),
      sense: "more-is-bad",
      q: setCompare(q, "cost", ">0"),
      tip: `${exactUsd(now.cost)}, before ${exactUsd(before.cost)}.${now.unpriced > 0 ? " A lower bound: calls without a known price are not in it." : ""}`,
    },
    {
      label: "Latency, median",
      value: formatMs(now.p50),
      foot: `p95 ${formatMs(now.p95)}`,
      change: formatChange(now.p50, before.p50),
      sense: "more-is-bad",
      q: slow,
      tip: `Whole calls that were answered: half within ${formatMs(now.p50)}, 95 % within ${formatMs(now.p95)}, 99 % within ${formatMs(now.p99)}. Opens those above the p95.`,
    },
    {
      label: "First token, median",
      value: formatMs(now.ttft_p50),
      foot: `p95 ${formatMs(now.ttft_p95)}`,
      change: formatChange(now.ttft_p50, before.ttft_p50),
      sense: "more-is-bad",
      q: late,
      tip: "From the call's arrival to the first token of a streamed answer. Opens those above the p95.",
    },
    {
      label: now.tokens.estimated ? "Tokens (part estimated)" : "Tokens",
      value: formatCompact(now.tokens.total),
      foot: `${formatCompact(now.tokens.total - now.tokens.output - now.tokens.reasoning)} in, ${formatCompact(now.tokens.output + now.tokens.reasoning)} out`,
      change: formatChange(now.tokens.total, before.tokens.total),
      sense: "neutral",
      q,
      tip: `Input ${formatInt(now.tokens.input)}, cache read ${formatInt(now.tokens.cache_read)}, cache write ${formatInt(now.tokens.cache_write)}, output ${formatInt(now.tokens.output)}, reasoning ${formatInt(now.tokens.reasoning)}`,
    },
  ];
}

/** Nothing that was used has a known price: then the sum of zero is no amount of money. */
export const noPrice = (t: Totals) => t.unpriced > 0 && Number(t.cost) === 0;

function callsFoot(now: Totals): string {
  const parts = [];
  if (now.fallbacks > 0) parts.push(plural(now.fallbacks, "fallback"));
  if (now.cancelled > 0) parts.push(`${formatInt(now.cancelled)} cancelled`);
  return parts.join(", ");
}

/** The answer of the page: six numbers, each with its change and the traces behind it. */
export function Tiles({ overview, project, q, range }: Props) {
  if (!overview) return <Skeleton height={86} mb={16} radius={6} />;
  return (
    <section className={css.tiles} aria-label="Totals" data-testid="tiles">
      {tilesOf(overview.totals, overview.previous, q).map((tile) => (
        <Tooltip key={tile.label} label={tile.tip}>
          <Link
            to="/p/$project/traces"
            params={{ project }}
            search={{ ...range, q: tile.q || undefined }}
            className={css.tile}
          >
            <div className={css.tileLabel}>{tile.label}</div>
            <div className={css.tileValue}>{tile.value}</div>
            <div className={css.tileFoot}>
              {tile.foot && <span className="num">{tile.foot}</span>}
              <ChangeMark change={tile.change} sense={tile.sense} />
            </div>
          </Link>
        </Tooltip>
      ))}
    </section>
  );
}

function ChangeMark({ change, sense }: { change: Change; sense: Sense }) {
  if (change.direction === "none" || change.text === "new") return <span>nothing before</span>;
  if (change.direction === "same") return <span>as before</span>;
  const tone = sense === "neutral" ? undefined : change.direction === "up" ? "bad" : "good";
  return (
    <span className={`${css.change} num`} data-tone={tone}>
      {change.direction === "up" ? "▲" : "▼"} {change.text}
      <span className="sr-only"> against the window before</span>
    </span>
  );
}
