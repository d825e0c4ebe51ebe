import { Link } from "@tanstack/react-router";
import type { SpanIO } from "@/api/types";
import { formatDateTime } from "@/lib/format";
import { Facts, Tag } from "@/ui/bits";
import { Notice } from "@/ui/Notice";
import css from "../knowledge/knowledge.module.css";
import { allowedWords, lookedUp, type SourceLine } from "./sources";

/** What was looked up for a call: the passages that the model was given, and those that it was not, with the reason. */
export function Sources({ project, io }: { project: string; io: SpanIO }) {
  const found = lookedUp(io);
  if (!found) return null;
  const used = found.documents.filter((each) => each.number > 0);
  const left = found.documents.filter((each) => each.number === 0);
  return (
    <div className={css.form} data-testid="sources">
      <Facts
        rows={[
          [
            "Corpus",
            <Link
              key="corpus"
              to="/p/$project/knowledge/$corpus"
              params={{ project, corpus: found.corpus }}
              search={{ view: "search", q: found.query || undefined, version: found.version || undefined }}
            >
              {found.corpus}
              {found.version && `, version ${found.version}`}
            </Link>,
          ],
          ["Which version", found.follow ? "the newest at the time, which the release does not freeze" : "frozen"],
          ["Looked for", found.query],
        ]}
      />
      {found.remarks.map((remark) => (
        <Notice key={remark} tone="warn">
          {remark}
        </Notice>
      ))}
      {used.length === 0 && <p className="muted">The model was given no passage of it.</p>}
      <ol className={css.list} aria-label="Sources">
        {[...used, ...left].map((each) => (
          <li key={each.chunk || each.id}>
            <Source project={project} corpus={found.corpus} source={each} />
          </li>
        ))}
      </ol>
    </div>
  );
}

function Source({ project, corpus, source }: { project: string; corpus: string; source: SourceLine }) {
  const name = source.title || source.id;
  return (
    <article className={css.passage} data-left={source.number === 0} aria-label={`Source ${name}`}>
      <div className={css.head}>
        <span className={css.number}>{source.number > 0 ? `[${source.number}]` : "–"}</span>
        <span className={css.title}>{name}</span>
        {source.stale && <Tag tone="warn">stale</Tag>}
        {source.number === 0 && <Tag tone="warn">left out</Tag>}
        <span className={css.score} title="What it was ranked by">
          {source.score.toFixed(4)}
        </span>
      </div>
      {source.left_out && <p className="muted">{source.left_out}</p>}
      {source.text && <p className={css.words}>{source.text}</p>}
      <div className={css.facts}>
        {source.meaning !== null && <span>meaning {source.meaning.toFixed(3)}</span>}
        {source.words !== null && <span>words {source.words.toFixed(2)}</span>}
        {source.updated > 0 && <span>updated {formatDateTime(source.updated)}</span>}
        {source.source && <span>{source.source}</span>}
        {source.number > 0 && <span>{allowedWords(source)}</span>}
        <Link to="/p/$project/knowledge/$corpus" params={{ project, corpus }} search={{ document: source.id }}>
          the document {source.id}
        </Link>
      </div>
    </article>
  );
}
