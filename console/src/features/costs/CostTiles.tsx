import type { ComponentProps } from "react";
import type { CostReport, WasteReport } from "@/api/types";
import { formatChange, formatCompact, formatInt, formatPercent, plural } from "@/lib/format";
import { Tile, Tiles } from "@/ui/Tiles";
import css from "./costs.module.css";
import { bounded, moneyOf } from "./money";

interface Props {
  report: CostReport;
  waste: WasteReport | undefined;
  /** What was wasted is still being counted. */
  counting: boolean;
  /** Look only at what has no price. */
  onUnpriced: () => void;
}

/** The page's answer: what it cost, against before, and how sure that number is. */
export function CostTiles({ report, waste, counting, onUnpriced }: Props) {
  const money = moneyOf(report);
  const { totals, previous } = report;
  const mean = totals.calls ? (Number(totals.cost) / totals.calls).toFixed(12) : null;
  const change = formatChange(Number(totals.cost), Number(previous.cost));
  const tiles: ComponentProps<typeof Tile>[] = [
    {
      label: "Cost",
      value: bounded(totals.cost, totals.unpriced, money),
      foot:
        change.direction === "none" || change.text === "new" ? (
          "nothing before"
        ) : (
          <span data-tone={change.direction === "up" ? "bad" : change.direction === "down" ? "good" : undefined}>
            {change.direction === "up" ? "▲ " : change.direction === "down" ? "▼ " : ""}
            {change.direction === "same" ? "as before" : `${change.text} against the period before`}
          </span>
        ),
      tip: `$${totals.cost}, before $${previous.cost}`,
    },
    {
      label: "A call, on average",
      value: mean === null ? "–" : bounded(mean, totals.unpriced, money),
      foot: `${plural(totals.calls, "call")}, ${plural(totals.attempts, "attempt")}`,
      tip: "The cost of all attempts by the calls they were made for.",
    },
    {
      label: "Tokens",
      value: formatCompact(totals.tokens.total),
      foot: `${formatCompact(totals.tokens.cache_read)} read from providers' caches`,
      tip: `Input ${formatInt(totals.tokens.input)}, cache read ${formatInt(totals.tokens.cache_read)}, cache write ${formatInt(totals.tokens.cache_write)}, output ${formatInt(totals.tokens.output)}, reasoning ${formatInt(totals.tokens.reasoning)}`,
    },
    {
      label: "Without a price",
      value: formatInt(totals.unpriced),
      foot: totals.unpriced ? (
        <>
          not in the sum:{" "}
          <button type="button" className={css.only} onClick={onUnpriced}>
            see which
          </button>
          , and set a price for them
        </>
      ) : (
        "every metered attempt has one"
      ),
      tip: "Attempts with usage whose model has no known price. They are counted here and never taken as free.",
    },
    {
      label: "Estimated",
      value: formatPercent(Number(totals.estimated_cost), Number(totals.cost)),
      foot: `${plural(totals.estimated, "attempt")}, ${money(totals.estimated_cost)}`,
      tip: "Counted by us from the text, because the provider gave no usage: streams that were cut or cancelled.",
    },
    {
      label: "Waste",
      value: waste ? money(waste.total) : counting ? "…" : "–",
      foot: waste
        ? `${formatPercent(waste.share, 1)} of the cost`
        : counting
          ? "being counted"
          : "could not be counted",
      tip: "What was paid and need not have been; the lines are below.",
    },
  ];
  return (
    <Tiles label="Totals" testId="cost-tiles" across={6}>
      {tiles.map((tile) => (
        <Tile key={tile.label} {...tile} />
      ))}
    </Tiles>
  );
}
