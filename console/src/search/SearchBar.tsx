import { ActionIcon } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Search, X } from "lucide-react";
import { type KeyboardEvent, useId, useRef, useState } from "react";
import { completionQuery } from "@/api/queries";
import type { Facet, Window } from "@/api/types";
import { asksServer, type Suggestion, splitLastWord, suggest, suggestionsOf } from "./complete";
import { addText, parseQuery, printTerm, removeTerm, type Term } from "./language";
import css from "./search.module.css";

interface Props {
  project: string;
  /** Values are offered of this time. */
  window: Window;
  q: string;
  onChange: (q: string) => void;
  facets: readonly Facet[];
  placeholder?: string;
}

export const SEARCH_INPUT_ID = "search-input";

/** Finished terms are chips, the term being typed is text with completion; all of it is the one string `q`. */
export function SearchBar({
  project,
  window,
  q,
  onChange,
  facets,
  placeholder = "Search messages, or model: status: user: …",
}: Props) {
  const listId = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const terms = parseQuery(q);
  const [before, word] = splitLastWord(text);
  const offered = useOffered(project, window, q, text, open);
  const options = open ? (offered ?? suggest(word, facets)) : [];
  const selected = Math.min(at, options.length - 1);

  const commit = (more: string) => {
    setText("");
    setAt(-1);
    if (more.trim()) onChange(addText(q, more));
  };
  const pick = (option: Suggestion) => {
    setAt(-1);
    if (option.done) commit(before + option.text);
    else setText(before + option.text);
    input.current?.focus();
  };
  const edit = (index: number) => {
    const term = terms[index];
    if (!term) return;
    onChange(removeTerm(q, index));
    setText(printTerm(term));
    setOpen(true);
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    const option = options[selected];
    if (event.key === "ArrowDown" && options.length > 0) setAt((selected + 1) % options.length);
    else if (event.key === "ArrowUp" && options.length > 0)
      setAt(((selected + options.length) % (options.length + 1)) - 1);
    else if (event.key === "Enter") option ? pick(option) : commit(text);
    else if (event.key === "Tab" && word && options.length > 0 && !event.shiftKey)
      pick(option ?? (options[0] as Suggestion));
    else if (event.key === "Tab") {
      // A list that scrolls is a stop of its own, which would go away under the focus.
      setOpen(false);
      return;
    } else if (event.key === "Backspace" && text === "" && terms.length > 0) edit(terms.length - 1);
    else if (event.key === "Escape") {
      if (open && options.length > 0) setOpen(false);
      else input.current?.blur();
    } else return;
    event.preventDefault();
  };

  return (
    <search className={css.bar}>
      <div className={css.field} onClick={(e) => e.target === e.currentTarget && input.current?.focus()}>
        <Search size={15} color="var(--text-3)" aria-hidden="true" />
        {terms.map((term, i) => (
          <Chip
            key={`${i} ${printTerm(term)}`}
            term={term}
            onEdit={() => edit(i)}
            onRemove={() => onChange(removeTerm(q, i))}
          />
        ))}
        <input
          id={SEARCH_INPUT_ID}
          ref={input}
          className={css.input}
          value={text}
          placeholder={terms.length === 0 ? placeholder : "and…"}
          aria-label="Search"
          role="combobox"
          aria-expanded={options.length > 0}
          aria-controls={listId}
          aria-autocomplete="list"
          aria-activedescendant={selected >= 0 ? `${listId}-${selected}` : undefined}
          autoComplete="off"
          spellCheck={false}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setOpen(true);
            setAt(-1);
          }}
          onKeyDown={onKeyDown}
        />
        {(terms.length > 0 || text) && (
          <ActionIcon
            size="sm"
            aria-label="Clear the search"
            onClick={() => {
              setText("");
              if (q) onChange("");
            }}
          >
            <X size={14} />
          </ActionIcon>
        )}
      </div>
      {options.length > 0 && <Options id={listId} options={options} selected={selected} onPick={pick} />}
    </search>
  );
}

const PAUSE_MS = 120;

/** What the server offers for the word that is being typed; undefined until it has answered, or where it need not. */
function useOffered(project: string, window: Window, q: string, text: string, open: boolean): Suggestion[] | undefined {
  const [typed] = useDebouncedValue(text, PAUSE_MS);
  const [before, word] = splitLastWord(typed);
  const asked = q ? `${q} ${typed}` : typed;
  const enabled = open && asksServer(word) && asked.length <= 2000;
  const { data } = useQuery({ ...completionQuery(project, asked, window), enabled });
  return enabled && data && typed === text ? suggestionsOf(data, asked, typed, before) : undefined;
}

function Chip({ term, onEdit, onRemove }: { term: Term; onEdit: () => void; onRemove: () => void }) {
  const label = printTerm(term);
  const colon = term.kind === "field" ? label.indexOf(":") + 1 : 0;
  return (
    <span className={css.chip} data-negated={term.negated} data-text={term.kind === "text"} data-testid="chip">
      <button type="button" className={css.chipText} onClick={onEdit} aria-label={`Edit ${label}`} title={label}>
        {colon > 0 && <span className={css.chipKey}>{label.slice(0, colon)}</span>}
        {label.slice(colon)}
      </button>
      <button type="button" className={css.chipX} onClick={onRemove} aria-label={`Remove ${label}`}>
        <X size={12} />
      </button>
    </span>
  );
}

interface OptionsProps {
  id: string;
  options: Suggestion[];
  selected: number;
  onPick: (option: Suggestion) => void;
}

function Options({ id, options, selected, onPick }: OptionsProps) {
  return (
    <ul className={css.list} id={id} role="listbox" aria-label="Completions">
      {options.map((option, i) => (
        <li
          key={option.text}
          id={`${id}-${i}`}
          role="option"
          aria-selected={i === selected}
          className={css.option}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => onPick(option)}
        >
          <span className="ellipsis">{option.label}</span>
          <span className={css.optionHint}>{option.hint}</span>
        </li>
      ))}
    </ul>
  );
}
