import { NumberInput, SegmentedControl, Select, Skeleton, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { type Corpus, corpusVersionsQuery, type Passage, type SearchMode, searchQuery } from "@/api/knowledge";
import { formatAgo, formatInt, formatMs, plural } from "@/lib/format";
import { useMay } from "@/lib/role";
import { Empty, Tag } from "@/ui/bits";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { PlainButton } from "@/ui/PlainButton";
import css from "./knowledge.module.css";
import { MODES } from "./words";

interface Asked {
  q?: string;
  mode?: string;
  top?: string;
  version?: string;
  user?: string;
  groups?: string;
}

interface Props {
  project: string;
  corpus: Corpus;
  search: Asked;
  onSearch: (change: Asked) => void;
  onOpen: (document: string) => void;
}

const USUAL_TOP = 5;

/** "Would it be found, why, and by whom?" What an app's calls would get, with the reasons. */
export function SearchBench({ project, corpus, search, onSearch, onOpen }: Props) {
  const [text, setText] = useState(search.q ?? "");
  const [user, setUser] = useState(search.user ?? "");
  const [groups, setGroups] = useState(search.groups ?? "");
  const may = useMay("knowledge:search");
  const versions = useQuery(corpusVersionsQuery(project, corpus.name));
  const found = useQuery(
    searchQuery(project, corpus.name, {
      text: may ? (search.q ?? "") : "",
      mode: (search.mode as SearchMode | undefined) ?? "hybrid",
      top: Number(search.top ?? USUAL_TOP),
      version: Number(search.version ?? 0),
      user: search.user ?? "",
      groups: (search.groups ?? "")
        .split(",")
        .map((each) => each.trim())
        .filter(Boolean),
    }),
  );
  const ready = (versions.data ?? []).filter((each) => each.state === "ready");
  if (corpus.ready === 0) {
    return (
      <Empty title="Nothing can be searched yet">
        <p>Add documents and publish a version; it is searched as soon as it is built.</p>
      </Empty>
    );
  }
  if (!may) {
    return (
      <Empty title="You may read here, and not search">
        <p>
          A search may cost a call for the vector of its question, so it needs the permission knowledge:search. Whoever
          manages members can give you a role that has it: developer and operator do.
        </p>
      </Empty>
    );
  }
  const ask = (event: FormEvent) => {
    event.preventDefault();
    onSearch({ q: text.trim() || undefined, user: user.trim() || undefined, groups: groups.trim() || undefined });
  };
  return (
    <>
      <form onSubmit={ask} className={css.bar} aria-label="Search">
        <TextInput
          className={css.wide}
          label="A question"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          placeholder="How do returns work?"
        />
        <TextInput
          label="As the end user"
          value={user}
          onChange={(event) => setUser(event.currentTarget.value)}
          placeholder="nobody"
          spellCheck={false}
        />
        <TextInput
          label="In the groups"
          value={groups}
          onChange={(event) => setGroups(event.currentTarget.value)}
          placeholder="none"
          spellCheck={false}
        />
        <NumberInput
          label="At most"
          w={84}
          min={1}
          max={100}
          value={Number(search.top ?? USUAL_TOP)}
          onChange={(top) => onSearch({ top: Number(top) === USUAL_TOP ? undefined : String(top) })}
        />
        <Select
          label="Version"
          w={150}
          allowDeselect={false}
          data={[
            { value: "0", label: `newest (${corpus.ready})` },
            ...ready.map((each) => ({ value: String(each.number), label: `version ${each.number}` })),
          ]}
          value={search.version ?? "0"}
          onChange={(version) => onSearch({ version: version === "0" || version === null ? undefined : version })}
        />
        <SegmentedControl
          size="xs"
          aria-label="How"
          data={MODES.map((each) => ({ ...each }))}
          value={search.mode ?? "hybrid"}
          onChange={(mode) => onSearch({ mode: mode === "hybrid" ? undefined : mode })}
        />
        <button type="submit" hidden aria-hidden="true" tabIndex={-1} />
        <PlainButton
          onClick={() =>
            onSearch({
              q: text.trim() || undefined,
              user: user.trim() || undefined,
              groups: groups.trim() || undefined,
            })
          }
        >
          Search
        </PlainButton>
      </form>
      {found.isError && <ProblemNotice error={found.error} />}
      {search.q && found.isPending && <Skeleton height={220} />}
      {search.q && found.data && (
        <>
          <p className={css.count} aria-live="polite">
            {plural(found.data.passages.length, "passage")} of {formatInt(found.data.considered)} that this reader may
            see, of {formatInt(found.data.chunks)} in version {found.data.version}, in{" "}
            {formatMs(found.data.embed_ms + found.data.search_ms)}
          </p>
          {found.data.notes.map((note) => (
            <Notice key={note} tone="warn">
              {note}
            </Notice>
          ))}
          {found.data.passages.length === 0 && (
            <Empty title="Nothing was found">
              <p>
                Nobody is kept out by an error here: documents with an access list are left out unless you name who
                asks.
              </p>
            </Empty>
          )}
          <ol className={css.list} aria-label="Passages">
            {found.data.passages.map((passage, i) => (
              <li key={passage.chunk}>
                <One passage={passage} number={i + 1} onOpen={onOpen} />
              </li>
            ))}
          </ol>
        </>
      )}
      {!search.q && (
        <Empty title="Ask it something">
          <p>You see what an app's call would be given, with its scores: of meaning, of words, and of both by rank.</p>
        </Empty>
      )}
    </>
  );
}

function One({ passage, number, onOpen }: { passage: Passage; number: number; onOpen: (document: string) => void }) {
  const terms = Object.entries(passage.terms);
  return (
    <article className={css.passage} aria-label={`Passage ${number}`}>
      <div className={css.head}>
        <span className={css.number}>{number}</span>
        <span className={css.title}>{passage.title || passage.document}</span>
        {passage.stale && <Tag tone="warn">stale</Tag>}
        <span className={css.score} title="What it is ranked by">
          {passage.score.toFixed(4)}
        </span>
      </div>
      {passage.withheld ? (
        <p className="muted">Withheld: reading passages needs the permission content:read.</p>
      ) : (
        <p className={css.words}>{passage.text}</p>
      )}
      <div className={css.facts}>
        <span>
          meaning{" "}
          {passage.meaning === null
            ? "–"
            : `${passage.meaning.toFixed(3)}${passage.meaning_rank === null ? "" : `, place ${passage.meaning_rank}`}`}
        </span>
        <span>
          words{" "}
          {passage.words === null
            ? "–"
            : `${passage.words.toFixed(2)}${passage.words_rank === null ? "" : `, place ${passage.words_rank}`}`}
        </span>
        {terms.length > 0 && (
          <span>
            by{" "}
            {terms
              .slice(0, 6)
              .map(([word, weight]) => `${word} ${weight.toFixed(2)}`)
              .join(", ")}
          </span>
        )}
        <span>updated {formatAgo(passage.updated, Date.now())}</span>
        {passage.source && <span>{passage.source}</span>}
      </div>
      <div>
        <PlainButton label={`Open the document ${passage.document}`} onClick={() => onOpen(passage.document)}>
          Open the document
        </PlainButton>
      </div>
    </article>
  );
}
