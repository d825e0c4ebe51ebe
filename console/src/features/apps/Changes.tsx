import type { MessageChange, PromptChanges, ReleaseChange, ReleaseDiff } from "@/api/releaseTypes";
import css from "./apps.module.css";

const SIGNS = { added: "+", removed: "−", changed: "~" } as const;
type What = keyof typeof SIGNS;

function Sign({ what }: { what: What }) {
  return (
    <span className={css.sign} data-what={what}>
      <span aria-hidden="true">{SIGNS[what]}</span>
      <span className="sr-only">{what}: </span>
    </span>
  );
}

/** What changed, in words only; at most `most`, and how many more there are. */
export function ChangeWords({ words, most = 6 }: { words: readonly string[]; most?: number }) {
  if (words.length === 0) return <p className="muted">Nothing that decides behaviour.</p>;
  return (
    <ul className={css.changes} aria-label="What changed">
      {words.slice(0, most).map((sentence, i) => (
        <li key={i}>{sentence}</li>
      ))}
      {words.length > most && <li className="muted">and {words.length - most} more</li>}
    </ul>
  );
}

/** The whole difference: the sentences, with values that do not fit into one, then the texts line by line. */
export function Diff({ diff }: { diff: ReleaseDiff }) {
  if (diff.changes.length === 0) {
    return <p className="muted">They do the same: nothing that decides behaviour differs.</p>;
  }
  return (
    <div className={css.column} data-testid="diff">
      <ul className={css.changes} aria-label="What differs">
        {diff.changes.map((change, i) => (
          <li key={i} data-where={change.where}>
            <Sign what={change.what} />
            <Values change={change} />
          </li>
        ))}
      </ul>
      {diff.prompts.map((prompt) => (
        <PromptDiff key={prompt.reference} prompt={prompt} />
      ))}
    </div>
  );
}

const LONG = 60;

/** A sentence has short values in it; long ones stand below it, one above the other. */
function Values({ change }: { change: ReleaseChange }) {
  const [before, after] = [print(change.before), print(change.after)];
  const long = change.area !== "prompt" && Math.max(before.length, after.length) > LONG;
  return (
    <div className={css.values}>
      <span>{change.words}</span>
      {long && (
        <details>
          <summary className="muted">Before and after</summary>
          <div className={css.lines}>
            {before && <Line what="removed" text={before} />}
            {after && <Line what="added" text={after} />}
          </div>
        </details>
      )}
    </div>
  );
}

const print = (value: unknown): string =>
  value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2);

function PromptDiff({ prompt }: { prompt: PromptChanges }) {
  if (prompt.messages.length === 0) return null;
  const title = prompt.reference ? `The included prompt ${prompt.name}` : `The prompt ${prompt.name}`;
  return (
    <section aria-label={title} className={css.column}>
      <h3 className={css.label}>
        {title}
        {prompt.before !== null && prompt.after !== null && `, version ${prompt.before} to ${prompt.after}`}
      </h3>
      {prompt.messages.map((change) => (
        <MessageDiff key={`${change.before}/${change.after}`} change={change} />
      ))}
    </section>
  );
}

function MessageDiff({ change }: { change: MessageChange }) {
  return (
    <section aria-label={change.words}>
      <p className={css.messageHead}>
        <Sign what={change.what} />
        {change.words}
      </p>
      {change.lines.length > 0 && (
        <div className={css.lines} role="group" aria-label="Lines" tabIndex={0}>
          {change.lines.map((line, i) => (
            <Line key={i} what={line.mark} text={line.text} />
          ))}
        </div>
      )}
    </section>
  );
}

function Line({ what, text }: { what: "added" | "removed" | "same"; text: string }) {
  return (
    <div className={css.diffLine} data-what={what}>
      <span aria-hidden="true">{what === "same" ? "" : SIGNS[what]}</span>
      <span>
        {what !== "same" && <span className="sr-only">{what}: </span>}
        {text}
      </span>
    </div>
  );
}
