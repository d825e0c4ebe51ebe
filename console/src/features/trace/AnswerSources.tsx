import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { spanIOQuery } from "@/api/queries";
import type { SpanRow, TraceDetail } from "@/api/types";
import { Tag } from "@/ui/bits";
import { Pending } from "@/ui/Pending";
import knowledge from "../knowledge/knowledge.module.css";
import type { KnowledgeLine } from "./callNotes";
import css from "./conversation.module.css";
import { allowedWords, lookedUp, type SourceLine } from "./sources";

interface Props {
  project: string;
  span: SpanRow;
}

/** "From what was this answered?": below an answer, the passages that the model was given, by the numbers it cites. */
export function AnswerSources({ project, trace, span }: Props & { trace: TraceDetail }) {
  const lines = linesOf(trace, span);
  if (lines.length === 0) return null;
  return (
    <section aria-label="Sources of the answer" className={knowledge.form}>
      <div className={css.divider}>sources</div>
      {lines.map((line) => (
        <OfCorpus key={line.span_id} project={project} span={span} line={line} />
      ))}
    </section>
  );
}

/** What was looked up for this call, and not for another of its trace. */
function linesOf(trace: TraceDetail, span: SpanRow): KnowledgeLine[] {
  if (!trace.knowledge?.length) return [];
  const mine = new Set(trace.spans.filter((each) => each.parent_span_id === span.span_id).map((each) => each.span_id));
  return trace.knowledge.filter((line) => mine.has(line.span_id));
}

function OfCorpus({ project, span, line }: Props & { line: KnowledgeLine }) {
  const io = useQuery(spanIOQuery(project, span.trace_id, line.span_id));
  if (io.isError || io.isPending) return <Pending of={io} height={40} />;
  const documents = lookedUp(io.data)?.documents ?? [];
  const used = documents.filter((each) => each.number > 0);
  const left = documents.length - used.length;
  return (
    <>
      {used.length > 0 && (
        <ol className={knowledge.list} aria-label={`Sources in ${line.corpus}`}>
          {used.map((each) => (
            <li key={each.chunk || each.id}>
              <Source project={project} line={line} source={each} />
            </li>
          ))}
        </ol>
      )}
      <p className="muted">
        {line.failed || (used.length === 0 && `The model was given no passage of ${line.corpus}.`)}{" "}
        <Link
          to="/p/$project/traces/$traceId"
          params={{ project, traceId: span.trace_id }}
          search={{ span: line.span_id }}
        >
          {left > 0
            ? `What was looked for in ${line.corpus}, and the ${left} left out`
            : `How ${line.corpus} was searched`}
        </Link>
      </p>
    </>
  );
}

function Source({ project, line, source }: { project: string; line: KnowledgeLine; source: SourceLine }) {
  return (
    <details className={knowledge.passage}>
      <summary>
        <span className={knowledge.number}>[{source.number}]</span>{" "}
        <span className={knowledge.title}>{source.title || source.id}</span>{" "}
        {source.stale && <Tag tone="warn">stale</Tag>}
      </summary>
      {source.text && <p className={knowledge.words}>{source.text}</p>}
      <div className={knowledge.facts}>
        <Link
          to="/p/$project/knowledge/$corpus"
          params={{ project, corpus: line.corpus }}
          search={{ document: source.id }}
        >
          {line.corpus}, version {line.version}: {source.id}
        </Link>
        <span title="What it was ranked by">score {source.score.toFixed(4)}</span>
        <span>{allowedWords(source)}</span>
      </div>
    </details>
  );
}
