import { Loader, Switch } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Table2 } from "lucide-react";
import { diffText } from "@/features/compare/diff";
import { formatInt, formatMs } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Empty, Tag } from "@/ui/bits";
import { Notice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";
import css from "./playground.module.css";
import { type Answer, type Block, textOf } from "./run";

interface Props {
  project: string;
  answers: Answer[];
  /** The place of the answer that the others are compared with, as the address has it. */
  diff: string | undefined;
  onDiff: (diff: string | undefined) => void;
  /** There is no model in this project. */
  nobody: boolean;
  /** Makes a case of what was asked, with this answer as what is expected. */
  onKeep?: (answer: Answer) => void;
}

/** Side by side: what each model says, how long it took and what it cost; and word by word against one of them. */
export function Answers({ project, answers, nobody, diff, onDiff, onKeep }: Props) {
  if (answers.length === 0) {
    if (nobody) return <NoModels project={project} />;
    return (
      <p className={css.nothing}>
        Choose up to six models and press Run, or Ctrl or Cmd Enter. Answers stream in here side by side, with what each
        took and cost; the same model may be named twice.
      </p>
    );
  }
  const base = answers.find((each) => String(each.run) === diff);
  return (
    <>
      {answers.length > 1 && <Compared answers={answers} />}
      <div className={css.answers} data-count={answers.length}>
        {answers.map((answer) => (
          <article key={answer.run} className={css.answer} aria-label={`Answer ${answer.run + 1}, ${answer.model}`}>
            <header className={css.answerHead}>
              <h2 className="ellipsis">{answer.model}</h2>
              <State answer={answer} />
              {answer.traceId && answer.state !== "running" && (
                <Link
                  to="/p/$project/traces/$traceId"
                  params={{ project, traceId: answer.traceId }}
                  className={css.trace}
                  aria-label={`Trace of answer ${answer.run + 1}`}
                >
                  Trace
                </Link>
              )}
            </header>
            <Body answer={answer} base={base} />
            <Figures answer={answer} />
            {onKeep && answer.end?.ok && (
              <div>
                <WriteButton
                  needs="dataset:write"
                  variant="subtle"
                  size="compact-xs"
                  leftSection={<Table2 size={12} />}
                  onClick={() => onKeep(answer)}
                >
                  Save as a case…
                </WriteButton>
              </div>
            )}
            {answers.length > 1 && (
              <Switch
                size="xs"
                label="Compare the others with this"
                checked={base === answer}
                onChange={(event) => onDiff(event.currentTarget.checked ? String(answer.run) : undefined)}
              />
            )}
          </article>
        ))}
      </div>
    </>
  );
}

function NoModels({ project }: { project: string }) {
  return (
    <Empty title="No model can be asked yet">
      <p>
        This project has no model. A model is a name of your choice and the provider that answers it; without one you
        may ask what a provider has as <code>provider/model</code>.
      </p>
      <Link to="/p/$project/models" params={{ project }} search={{ new: "1" }}>
        Add a model
      </Link>
    </Empty>
  );
}

function State({ answer }: { answer: Answer }) {
  if (answer.state === "waiting" || answer.state === "running") {
    return (
      <span className={css.state} role="status">
        <Loader size={12} aria-hidden="true" /> {answer.state === "waiting" ? "waiting" : "answering"}
      </span>
    );
  }
  if (answer.state === "ended") {
    if (answer.end && !answer.end.ok) return <Tag tone="bad">failed</Tag>;
    return answer.end?.cached ? <Tag>from the cache</Tag> : null;
  }
  return <Tag tone="warn">{answer.state === "stopped" ? "stopped" : "connection lost"}</Tag>;
}

function Body({ answer, base }: { answer: Answer; base: Answer | undefined }) {
  const failed = answer.end && !answer.end.ok ? answer.end : null;
  const compared = base && base !== answer && answer.end?.ok;
  return (
    <div className={css.body}>
      {compared ? (
        <div className={css.diff} data-testid="answer-diff">
          {diffText(textOf(base), textOf(answer)).map((piece, i) =>
            piece.kind === "removed" ? (
              <del key={i}>{piece.text}</del>
            ) : piece.kind === "added" ? (
              <ins key={i}>{piece.text}</ins>
            ) : (
              <span key={i}>{piece.text}</span>
            ),
          )}
        </div>
      ) : (
        answer.blocks.map((block) => <BlockView key={block.index} block={block} />)
      )}
      {failed && (
        <Notice title={failed.error}>
          <span className="mono muted">
            {[failed.error_code, failed.status ? `HTTP ${failed.status}` : ""].filter(Boolean).join(" · ")}
          </span>
        </Notice>
      )}
    </div>
  );
}

function BlockView({ block }: { block: Block }) {
  switch (block.kind) {
    case "reasoning":
      return (
        <details className={css.reasoning}>
          <summary>Reasoning</summary>
          <div className={css.text}>{block.text}</div>
        </details>
      );
    case "tool_call":
      return (
        <div className={css.tool}>
          calls <strong>{block.name}</strong>
          <pre>{block.text}</pre>
        </div>
      );
    default:
      return <div className={css.text}>{block.text}</div>;
  }
}

function Figures({ answer }: { answer: Answer }) {
  const { end } = answer;
  return (
    <footer className={css.figures}>
      {end && (
        <dl>
          <Figure name="time" value={formatMs(end.duration)} />
          <Figure name="first token" value={formatMs(end.first_token)} />
          <Figure name="tokens" value={tokensOf(end)} title={end.usage?.estimated ? "estimated" : undefined} />
          <Figure name="cost" value={end.attempts === 0 && !end.ok ? "–" : formatMoney(end.cost)} />
        </dl>
      )}
    </footer>
  );
}

function tokensOf(end: NonNullable<Answer["end"]>): string {
  const usage = end.usage;
  if (!usage) return "–";
  const read = usage.input + usage.cache_read + usage.cache_write;
  return `${usage.estimated ? "about " : ""}${formatInt(read)} in, ${formatInt(usage.output + usage.reasoning)} out`;
}

function Figure({ name, value, title }: { name: string; value: string; title?: string }) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd className="num">{value}</dd>
    </div>
  );
}

/** Who was first, cheapest and shortest: only where all that are compared have the figure. */
function Compared({ answers }: { answers: Answer[] }) {
  const ended = answers.filter((each) => each.end?.ok);
  if (ended.length < 2) return null;
  const words = [
    best("quickest", ended, (each) => each.end?.duration ?? null),
    best("first to begin", ended, (each) => each.end?.first_token ?? null),
    best("cheapest", ended, (each) => (each.end?.cost == null ? null : Number(each.end.cost))),
  ].filter(Boolean);
  return (
    <p className={css.compared} role="status" data-testid="compared">
      {words.join(" · ")}
    </p>
  );
}

function best(word: string, answers: Answer[], value: (answer: Answer) => number | null): string {
  const known = answers.map((each) => ({ each, value: value(each) }));
  if (known.some((one) => one.value === null)) return "";
  const least = Math.min(...known.map((one) => one.value ?? 0));
  const winners = known.filter((one) => one.value === least);
  if (winners.length === known.length) return `${word}: no difference`;
  return `${word}: ${winners.map(({ each }) => each.model).join(", ")}`;
}
