import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { spanIOQuery } from "@/api/queries";
import type { MessageView, PairRow, SpanIO, SpanRow } from "@/api/types";
import { messageText } from "@/features/trace/parts";
import { formatInt, formatMs } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { ProblemNotice } from "@/ui/Notice";
import css from "./compare.module.css";
import { diffParams, diffText, type Piece } from "./diff";

/** One pair of spans: numbers, parameters, prompt and answer, what differs marked. */
export function PairDetail({ project, pair }: { project: string; pair: PairRow }) {
  const a = useQuery({
    ...spanIOQuery(project, pair.a?.trace_id ?? "", pair.a?.span_id ?? ""),
    enabled: pair.a !== null,
  });
  const b = useQuery({
    ...spanIOQuery(project, pair.b?.trace_id ?? "", pair.b?.span_id ?? ""),
    enabled: pair.b !== null,
  });
  const error = a.error ?? b.error;
  const loading = (pair.a && a.isPending) || (pair.b && b.isPending);
  return (
    <section className={css.panel} aria-label="The selected pair" data-testid="pair">
      <div className={css.detail}>
        <Numbers a={pair.a} b={pair.b} />
        {error && <ProblemNotice error={error} />}
        {loading && !error ? <Skeleton height={160} /> : <Texts a={a.data} b={b.data} />}
      </div>
    </section>
  );
}

const FACTS: [string, (span: SpanRow) => string][] = [
  ["status", (span) => (span.error_message ? `${span.status}: ${span.error_message}` : span.status)],
  ["model", (span) => span.model],
  ["answered by", (span) => span.model_used],
  ["provider", (span) => span.provider],
  ["release", (span) => span.release],
  ["duration", (span) => formatMs(span.duration)],
  ["first token", (span) => (span.ttft === null ? "" : formatMs(span.ttft))],
  [
    "tokens in",
    (span) =>
      span.tokens.total ? formatInt(span.tokens.input + span.tokens.cache_read + span.tokens.cache_write) : "",
  ],
  ["tokens out", (span) => (span.tokens.total ? formatInt(span.tokens.output + span.tokens.reasoning) : "")],
  ["cost", (span) => (span.cost === null && !span.tokens.total ? "" : formatMoney(span.cost))],
  ["ended by", (span) => span.stop],
];

function Numbers({ a, b }: { a: SpanRow | null; b: SpanRow | null }) {
  const rows = FACTS.map(([name, read]): [string, string, string] => [name, a ? read(a) : "–", b ? read(b) : "–"]);
  return <Table label="Numbers" rows={rows.filter(([, one, other]) => one !== "" || other !== "")} />;
}

function Table({ label, rows }: { label: string; rows: [string, string, string][] }) {
  return (
    <table className={css.numbers} aria-label={label}>
      <thead>
        <tr>
          <th scope="col">
            <span className="sr-only">What</span>
          </th>
          <th scope="col">A</th>
          <th scope="col">B</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, one, other]) => (
          <tr key={name} data-differs={one !== other}>
            <th scope="row">{name}</th>
            <td>{one}</td>
            <td>{other}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const NOTHING: Pick<SpanIO, "input" | "output" | "params" | "tools"> = { input: [], output: [], params: {}, tools: [] };

function Texts({ a = NOTHING as SpanIO, b = NOTHING as SpanIO }: { a?: SpanIO; b?: SpanIO }) {
  const params = diffParams(
    { ...a.params, tools: a.tools.map((tool) => String(tool.name)).join(", ") || undefined },
    { ...b.params, tools: b.tools.map((tool) => String(tool.name)).join(", ") || undefined },
  );
  return (
    <>
      {params.length > 0 && (
        <div>
          <h2>Parameters</h2>
          <Table label="Parameters" rows={params} />
        </div>
      )}
      <Diff title="Prompt" a={written(a.input)} b={written(b.input)} />
      <Diff title="Answer" a={written(a.output, false)} b={written(b.output, false)} />
    </>
  );
}

function written(messages: MessageView[], roles = true): string {
  return messages.map((message) => (roles ? `${message.role}: ` : "") + messageText(message)).join("\n");
}

function Diff({ title, a, b }: { title: string; a: string; b: string }) {
  if (a === "" && b === "") return null;
  const pieces = diffText(a, b);
  return (
    <div>
      <h2>
        {title} {a === b && <span className="muted">is the same</span>}
      </h2>
      <div
        className={css.diff}
        role="group"
        aria-label={`${title}, what differs`}
        tabIndex={0}
        data-testid={`diff-${title.toLowerCase()}`}
      >
        {pieces.map((piece, i) => (
          <PieceView key={i} piece={piece} />
        ))}
      </div>
    </div>
  );
}

function PieceView({ piece }: { piece: Piece }) {
  if (piece.kind === "removed") return <del title="only in A">{piece.text}</del>;
  if (piece.kind === "added") return <ins title="only in B">{piece.text}</ins>;
  return <span>{piece.text}</span>;
}
