import { Link } from "@tanstack/react-router";
import type { ItemView } from "@/api/reviewTypes";
import { contentText, jsonText } from "@/features/datasets/words";
import { Facts, Tag } from "@/ui/bits";
import { Notice } from "@/ui/Notice";
import css from "./review.module.css";

interface Props {
  project: string;
  item: ItemView;
  /** Judges' scores are kept back until one has decided: they would be followed. */
  hide: boolean;
}

/** What was asked, what was answered, and what the answer may rest on. */
export function SubjectView({ project, item, hide }: Props) {
  const { subject } = item;
  return (
    <article className={css.subject} aria-label="What was said">
      <div className={css.whys}>
        {item.why.map((each) => (
          <Tag key={each} tone="accent" title="The rule that sent it here">
            {each}
          </Tag>
        ))}
        {item.trace_id && (
          <Link
            to="/p/$project/traces/$traceId"
            params={{ project, traceId: item.trace_id }}
            search={{ span: item.span_id || undefined }}
          >
            trace
          </Link>
        )}
      </div>
      {subject.note && <Notice tone="warn">{subject.note}</Notice>}
      <section aria-label="The conversation" className={css.turns}>
        {subject.messages.length > 0 ? (
          subject.messages.map((message, i) => (
            <div key={i} className={css.turn} data-role={String(message.role)}>
              <span className={css.role}>{String(message.role)}</span>
              <div className={css.words}>
                {contentText(message.content) || (message.tool_calls ? jsonText(message.tool_calls) : "(empty)")}
              </div>
            </div>
          ))
        ) : (
          <div className={css.turn}>
            <span className={css.role}>user</span>
            <div className={css.words}>{subject.input}</div>
          </div>
        )}
      </section>
      <section aria-label="The answer" className={css.answer}>
        <h2>Answer</h2>
        <div className={css.words} data-testid="answer">
          {subject.answer ?? <em className="muted">There is none.</em>}
        </div>
        {subject.tool_calls.length > 0 && <pre className={css.words}>{jsonText(subject.tool_calls)}</pre>}
      </section>
      {subject.sources.length > 0 && (
        <section aria-label="Sources" className={css.sources}>
          <h2>What it may rest on</h2>
          {subject.sources.map((text, i) => (
            <details key={i} open={i < 3}>
              <summary>Source {i + 1}</summary>
              <div className={css.words}>{text}</div>
            </details>
          ))}
        </section>
      )}
      {!hide && subject.scores.length > 0 && (
        <section aria-label="Scores">
          <h2>What was said of it</h2>
          <Facts
            rows={subject.scores.map((score) => [
              score.name,
              <span key={`${score.name} ${score.evaluator}`} title={score.explanation}>
                {score.label || (score.value === null ? "–" : Number(score.value.toPrecision(3)))}{" "}
                <span className="muted">{score.evaluator || score.source}</span>
              </span>,
            ])}
          />
        </section>
      )}
      <Facts
        rows={[
          ["App", item.app && `${item.app} ${item.release}`],
          ["Model", subject.model],
          ["User", subject.user],
          ["Feature", subject.feature],
        ]}
      />
    </article>
  );
}
