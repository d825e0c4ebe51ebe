import type { CSSProperties } from "react";
import type { SpanRow } from "@/api/types";
import { formatCompact, formatDateTime, formatInt, formatListTime, formatMs } from "@/lib/format";
import { exactUsd, formatMoney } from "@/lib/money";
import { StatusSign } from "@/ui/status";
import { isReleased, ReleaseLink } from "../apps/ReleaseLink";
import css from "./traces.module.css";

export function HeadRow() {
  return (
    <div className={`${css.cols} ${css.headRow}`} role="row">
      <span role="columnheader">Time</span>
      <span role="columnheader">
        <span className="sr-only">Status</span>
      </span>
      <span role="columnheader">Model</span>
      <span role="columnheader">Question and answer</span>
      <span role="columnheader" className={css.wideOnly}>
        Feature
      </span>
      <span role="columnheader" className={css.wideOnly}>
        User
      </span>
      <span role="columnheader" className={`${css.right} ${css.wideOnly}`}>
        Tokens
      </span>
      <span role="columnheader" className={`${css.right} ${css.optional}`}>
        Cost
      </span>
      <span role="columnheader" className={css.right}>
        Duration
      </span>
    </div>
  );
}

interface Props {
  row: SpanRow;
  id: string;
  index: number;
  selected: boolean;
  now: number;
  style: CSSProperties;
  onClick: () => void;
  onOpen: () => void;
}

/** One call in one line; on a narrow list in two. */
export function TraceRow({ row, id, index, selected, now, style, onClick, onOpen }: Props) {
  const failed = row.status === "error";
  const what = failed && row.error_message ? row.error_message : row.input_preview || row.name;
  return (
    <div
      id={id}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-bad={failed}
      data-trace={row.trace_id}
      className={`${css.row} ${css.cols}`}
      style={style}
      onClick={onClick}
      onDoubleClick={onOpen}
    >
      <span role="gridcell" className={`num muted ${css.time}`} title={formatDateTime(row.started, true)}>
        {formatListTime(row.started, now)}
      </span>
      <span role="gridcell" style={{ display: "flex" }}>
        <StatusSign status={row.status} />
      </span>
      <span role="gridcell" className={`ellipsis ${css.model}`} title={modelTitle(row)}>
        {isReleased(row) ? (
          <>
            {row.app} <ReleaseLink span={row} />
          </>
        ) : (
          row.model || row.name
        )}
        {row.fallbacks > 0 && <span className="muted"> → {row.model_used || "fallback"}</span>}
      </span>
      <span role="gridcell" className={css.what}>
        <span className={`ellipsis ${css.asked}`} dir="auto">
          {what}
        </span>
        {!failed && row.output_preview && (
          <span className={css.answer}>
            <span aria-hidden="true">→</span>
            <span className="ellipsis" dir="auto">
              {row.output_preview}
            </span>
          </span>
        )}
      </span>
      <span role="gridcell" className={`ellipsis muted ${css.wideOnly} ${css.optional}`}>
        <bdi>{row.feature}</bdi>
      </span>
      <span role="gridcell" className={`ellipsis muted ${css.wideOnly} ${css.optional}`}>
        <bdi>{row.user}</bdi>
      </span>
      <span
        role="gridcell"
        className={`${css.right} ${css.wideOnly} ${css.optional}`}
        title={`${formatInt(row.tokens.total)} tokens`}
      >
        {row.tokens.total === 0 ? "–" : formatCompact(row.tokens.total)}
      </span>
      <span
        role="gridcell"
        className={`${css.right} ${css.optional}`}
        title={row.cost !== null ? exactUsd(row.cost) : failed ? undefined : "no price is known"}
      >
        {row.cost === null ? <span className="muted">–</span> : formatMoney(row.cost)}
      </span>
      <span
        role="gridcell"
        className={css.right}
        title={row.ttft === null ? undefined : `first token after ${formatMs(row.ttft)}`}
      >
        {row.status === "running" ? "running" : formatMs(row.duration)}
      </span>
      <span className={css.small} aria-hidden="true">
        <span className="num">
          {formatListTime(row.started, now)} · {row.cost === null ? "" : `${formatMoney(row.cost)} · `}
        </span>
        <span className="ellipsis" dir="auto">
          {what}
        </span>
      </span>
    </div>
  );
}

function modelTitle(row: SpanRow): string {
  const used = row.model_used && row.model_used !== row.model ? `, answered by ${row.model_used}` : "";
  return `${row.model}${used}${row.provider ? ` at ${row.provider}` : ""}`;
}
