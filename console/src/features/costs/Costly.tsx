import { Skeleton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Costly as CostlyReport } from "@/api/types";
import { formatCompact, formatDateTime, formatInt } from "@/lib/format";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { isDigest } from "./calls";
import css from "./costs.module.css";

type Prompt = CostlyReport["prompts"][number];
type Call = CostlyReport["calls"][number];

interface Props {
  project: string;
  costly: CostlyReport | undefined;
  error: Error | null;
  money: (amount: string | null) => string;
  /** Look only at this prompt. */
  onPrompt: (prompt: string) => void;
}

/** Where the money goes, one by one: prompts by their sum, calls by their own. */
export function Costly({ project, costly, error, money, onPrompt }: Props) {
  const prompts: Column<Prompt>[] = [
    {
      id: "prompt",
      label: "prompt",
      cell: (row) => (
        <>
          <button
            type="button"
            className={`${css.only} ${css.preview}`}
            onClick={() => onPrompt(row.prompt)}
            title={`Only this prompt: ${row.preview || row.prompt}`}
          >
            {row.preview || row.prompt}
          </button>
          <div className={css.under}>
            {[!isDigest(row.prompt) && row.preview && row.prompt, row.feature].filter(Boolean).join(" · ")}
          </div>
        </>
      ),
    },
    { id: "cost", label: "cost", align: "right", cell: (row) => money(row.totals.cost) },
    { id: "mean", label: "per call", align: "right", cell: (row) => money(row.mean_cost) },
    { id: "calls", label: "calls", align: "right", cell: (row) => formatInt(row.totals.calls) },
  ];
  const calls: Column<Call>[] = [
    {
      id: "at",
      label: "call",
      cell: (row) => (
        <Link to="/p/$project/traces/$traceId" params={{ project, traceId: row.trace_id }}>
          {formatDateTime(row.at).slice(5, 19)}
        </Link>
      ),
    },
    { id: "model", label: "model", cell: (row) => row.model_used || row.model },
    { id: "tokens", label: "tokens", align: "right", cell: (row) => formatCompact(row.tokens.total) },
    {
      id: "cost",
      label: "cost",
      align: "right",
      cell: (row) => <span title={row.price}>{money(row.cost)}</span>,
    },
  ];
  return (
    <div className={css.two}>
      <section className={css.panel} aria-label="Most expensive prompts">
        <div className={css.panelHead}>
          <h2>Most expensive prompts</h2>
        </div>
        {error ? <ProblemNotice error={error} /> : null}
        {costly?.prompts.length === 0 ? (
          <p className={css.none}>
            No prompt is known: calls have had no system message, or their content is not kept.
          </p>
        ) : costly ? (
          <DataTable
            label="Most expensive prompts"
            columns={prompts}
            rows={costly.prompts}
            rowKey={(row) => `${row.prompt}/${row.feature}`}
          />
        ) : error ? null : (
          <Skeleton height={120} radius={0} />
        )}
      </section>
      <section className={css.panel} aria-label="Most expensive calls">
        <div className={css.panelHead}>
          <h2>Most expensive calls</h2>
        </div>
        {costly?.calls.length === 0 ? (
          <p className={css.none}>No call of this range is known to have cost anything.</p>
        ) : costly ? (
          <DataTable
            label="Most expensive calls"
            columns={calls}
            rows={costly.calls}
            rowKey={(row) => `${row.trace_id}/${row.span_id}`}
          />
        ) : error ? null : (
          <Skeleton height={120} radius={0} />
        )}
      </section>
    </div>
  );
}
