import { Skeleton } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { priceQuery } from "@/api/queries";
import type { PriceView, SpanRow, TraceDetail } from "@/api/types";
import { formatInt } from "@/lib/format";
import { exactUsd, printUsd } from "@/lib/money";
import { Notice } from "@/ui/Notice";
import ui from "@/ui/ui.module.css";
import { type Computation, computeCost } from "./cost";
import { Energy } from "./Energy";
import { BUCKETS } from "./Verdict";

interface Props {
  project: string;
  trace: TraceDetail;
  span: SpanRow;
}

/** The spans whose own usage makes the cost of the selected one: itself, or its descendants that used tokens. */
export function costBearers(trace: TraceDetail, span: SpanRow): SpanRow[] {
  const below = new Set([span.span_id]);
  const parents = new Set<string>();
  for (const s of [...trace.spans].sort((a, b) => a.started - b.started)) {
    if (below.has(s.parent_span_id)) below.add(s.span_id);
    if (s.tokens.total > 0 || s.cost !== null) parents.add(s.parent_span_id);
  }
  return trace.spans.filter(
    (s) => below.has(s.span_id) && !parents.has(s.span_id) && (s.tokens.total > 0 || s.cost !== null),
  );
}

const MANY = 20;

/** Where the money went: tokens times rate, line by line. */
export function CostView({ project, trace, span }: Props) {
  const bearers = costBearers(trace, span);
  if (bearers.length === 0) return <p className="muted">Nothing below this span used tokens, so it cost nothing.</p>;
  return (
    <div style={{ display: "grid", gap: 16 }} data-testid="cost">
      {bearers.slice(0, MANY).map((bearer) => (
        <SpanCost key={bearer.span_id} project={project} trace={trace} span={bearer} />
      ))}
      {bearers.length > MANY && (
        <p className="muted">
          {formatInt(bearers.length - MANY)} more spans below used tokens; select one to see how its cost came about.
        </p>
      )}
      <Energy project={project} trace={trace} spans={bearers} />
    </div>
  );
}

/**
 * The price row to show for a span: the one that made its cost, if it is still in force. An attempt knows the provider's
 * id of its model; a price of the team's own hangs on the project's name for it, which the decision record knows.
 */
function usePriceRow(project: string, trace: TraceDetail, span: SpanRow) {
  const names = trace.decision.filter((line) => line.provider === span.provider).map((line) => line.model);
  const wanted = [...new Set([...names, `${span.provider}/${span.model}`])];
  const found = useQueries({ queries: wanted.slice(0, 5).map((model) => priceQuery(project, model)) });
  const rows = found.flatMap((query) => (query.data ? [query.data] : []));
  return {
    row: rows.find((row) => row.known && row.source === span.price) ?? rows.find((row) => row.known) ?? rows[0],
    model: names[0] ?? span.model,
    loading: found.some((query) => query.isLoading),
  };
}

function SpanCost({ project, trace, span }: Props) {
  const price = usePriceRow(project, trace, span);
  return (
    <section className={ui.panel} style={{ overflow: "hidden" }}>
      <div
        style={{
          display: "flex",
          gap: 12,
          alignItems: "baseline",
          padding: "12px 16px",
          borderBottom: "1px solid var(--line)",
          flexWrap: "wrap",
        }}
      >
        <strong className="ellipsis">{span.model_used || span.model || span.name}</strong>
        <span className="muted">{span.provider}</span>
        <span className="num" style={{ marginLeft: "auto", fontSize: 17, fontWeight: 620 }}>
          {span.cost === null ? "no price" : exactUsd(span.cost)}
        </span>
      </div>
      {price.loading && <Skeleton height={90} m={16} w="auto" />}
      {price.row?.known && span.cost !== null ? (
        <Priced span={span} price={price.row} />
      ) : (
        !price.loading && <Unpriced project={project} span={span} model={price.model} note={price.row?.note ?? ""} />
      )}
    </section>
  );
}

/** The cost is what the provider said that it takes, and no sum of ours. */
const isTold = (span: SpanRow) => span.price.startsWith("told:");

function Priced({ span, price }: { span: SpanRow; price: PriceView }) {
  const computation = computeCost(span.tokens, price, span.cost);
  const told = isTold(span);
  const same = span.price === price.source || told;
  return (
    <>
      <ComputationTable computation={computation} recorded={span.cost ?? ""} />
      <div style={{ padding: "10px 16px 14px", display: "grid", gap: 8 }}>
        <div>
          <span className="muted">Price row </span>
          <code>{span.price || "not noted"}</code>
        </div>
        {price.note && <div className="muted">{price.note}</div>}
        {!same && span.price !== "" && (
          <Notice tone="warn" title="The price has changed since">
            Rates shown are of the row in force now, <code>{price.source}</code>.
          </Notice>
        )}
        {told && (
          <Notice tone="good" title="The provider said that it takes this">
            Rates shown are ours, <code>{price.source}</code>, and do not have its fees, discounts and tools.
          </Notice>
        )}
        {same && !told && !computation.agrees && (
          <Notice tone="warn" title="These rates alone do not make the recorded cost">
            The row prices some tokens otherwise (by tier, by time, or a longer cache); the recorded cost was made with
            the whole row and is what counts.
          </Notice>
        )}
        {span.tokens.estimated && (
          <Notice tone="warn">The provider gave no usage for a part of this; those tokens were counted by us.</Notice>
        )}
      </div>
    </>
  );
}

function ComputationTable({ computation, recorded }: { computation: Computation; recorded: string }) {
  return (
    <div className={ui.scrollX} role="region" aria-label="Cost, scrolling sideways" tabIndex={0}>
      <table className={ui.table} aria-label="How the cost came about">
        <thead>
          <tr>
            <th scope="col">bucket</th>
            <th scope="col" data-align="right">
              tokens
            </th>
            <th scope="col" data-align="right">
              × rate per million
            </th>
            <th scope="col" data-align="right">
              = cost
            </th>
          </tr>
        </thead>
        <tbody>
          {computation.lines.map((line) => (
            <tr key={line.bucket}>
              <td>
                <Swatch bucket={line.bucket} />
                {line.bucket}
              </td>
              <td data-align="right">{formatInt(line.tokens)}</td>
              <td data-align="right">
                {line.rate === null ? "no rate" : `$${line.rate}`}
                {line.borrowed && <span className="muted"> (as {line.borrowed})</span>}
              </td>
              <td data-align="right">{line.pico === null ? "–" : `$${printUsd(line.pico)}`}</td>
            </tr>
          ))}
          <tr>
            <td>
              <strong>total</strong>
            </td>
            <td />
            <td data-align="right" className="muted">
              {computation.agrees ? "" : "recorded"}
            </td>
            <td data-align="right">
              <strong>${computation.agrees && computation.sum !== null ? printUsd(computation.sum) : recorded}</strong>
            </td>
          </tr>
        </tbody>
      </table>
    </div>
  );
}

function Swatch({ bucket }: { bucket: string }) {
  const color = BUCKETS.find((b) => b.label === bucket)?.color;
  return (
    <span
      aria-hidden="true"
      style={{ display: "inline-block", width: 8, height: 8, borderRadius: 2, background: color, marginRight: 8 }}
    />
  );
}

function Unpriced({ project, span, model, note }: { project: string; span: SpanRow; model: string; note: string }) {
  return (
    <div style={{ padding: 16, display: "grid", gap: 10 }}>
      <p>
        {span.cost === null
          ? `No price is known for ${span.model_used || span.model || "this model"}, so its cost is unknown, not zero.`
          : isTold(span)
            ? "The provider said that it takes this; our own prices do not know the model."
            : "The price row that made this cost is not in force any more, so its rates cannot be shown."}{" "}
        It used {formatInt(span.tokens.total)} tokens.
      </p>
      {note && !isTold(span) && <p className="muted">{note}</p>}
      {span.price && (
        <p>
          <span className="muted">Price row </span>
          <code>{span.price}</code>
        </p>
      )}
      {span.cost === null && model && (
        <p>
          <Link to="/p/$project/models" params={{ project }} search={{ edit: model }}>
            Set a price for {model}
          </Link>{" "}
          and calls from then on are costed.
        </p>
      )}
    </div>
  );
}
