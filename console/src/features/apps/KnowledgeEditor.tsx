import { ActionIcon, Autocomplete, Button, NumberInput, Select, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { corporaQuery } from "@/api/knowledge";
import { MODES } from "../knowledge/words";
import css from "./apps.module.css";
import { type KnowledgeRow, rowOf } from "./knowledgeForm";

interface Props {
  project: string;
  rows: KnowledgeRow[];
  onChange: (rows: KnowledgeRow[]) => void;
  error?: string;
}

/** Corpora that an app's calls look things up in, a part each. */
export function KnowledgeEditor({ project, rows, onChange, error }: Props) {
  const corpora = useQuery({ ...corporaQuery(project), staleTime: 30_000 });
  const names = (corpora.data ?? []).map((each) => each.name);
  const set = (at: number, change: Partial<KnowledgeRow>) =>
    onChange(rows.map((row, i) => (i === at ? { ...row, ...change } : row)));
  const left = names.filter((name) => !rows.some((row) => row.corpus === name));
  return (
    <fieldset className={css.pairs}>
      <legend>Knowledge</legend>
      <p className="muted">
        What is looked up for each call, put before the question with its sources. A release freezes the version that is
        newest when it is made, unless it follows the corpus.
      </p>
      {rows.map((row, i) => (
        <div key={i} className={css.corpus} role="group" aria-label={`Knowledge ${row.corpus || i + 1}`}>
          <div className={css.corpusHead}>
            <Autocomplete
              size="xs"
              label="Corpus"
              data={names}
              value={row.corpus}
              onChange={(corpus) => set(i, { corpus })}
              spellCheck={false}
            />
            <Select
              size="xs"
              label="Which version"
              allowDeselect={false}
              data={[
                { value: "frozen", label: "frozen in the release" },
                { value: "follow", label: "the newest at each call, not frozen" },
              ]}
              value={row.when}
              onChange={(when) => set(i, { when: (when as KnowledgeRow["when"] | null) ?? "frozen" })}
            />
            <ActionIcon
              onClick={() => onChange(rows.filter((_, at) => at !== i))}
              aria-label={`Remove ${row.corpus || `row ${i + 1}`}`}
            >
              <X size={14} />
            </ActionIcon>
          </div>
          <details>
            <summary>
              {row.top} passages at most, {MODES.find((each) => each.value === row.mode)?.label.toLowerCase()};{" "}
              {row.without
                ? "answers without where it cannot be searched"
                : "refuses calls where it cannot be searched"}
            </summary>
            <div className={css.corpusMore}>
              {row.when === "frozen" && (
                <TextInput
                  size="xs"
                  label="Version"
                  placeholder="the newest"
                  value={row.version}
                  onChange={(event) => set(i, { version: event.currentTarget.value })}
                />
              )}
              <NumberInput
                size="xs"
                label="Passages at most"
                min={1}
                max={50}
                value={row.top}
                onChange={(top) => set(i, { top: String(top) })}
              />
              <NumberInput
                size="xs"
                label="Tokens at most"
                min={50}
                max={200_000}
                value={row.tokens}
                onChange={(tokens) => set(i, { tokens: String(tokens) })}
              />
              <Select
                size="xs"
                label="How"
                allowDeselect={false}
                data={MODES.map((each) => ({ ...each }))}
                value={row.mode}
                onChange={(mode) => set(i, { mode: (mode as KnowledgeRow["mode"] | null) ?? "hybrid" })}
              />
              <TextInput
                size="xs"
                label="Least similarity"
                placeholder="none"
                value={row.least}
                onChange={(event) => set(i, { least: event.currentTarget.value })}
              />
              <NumberInput
                size="xs"
                label="Milliseconds at most"
                min={10}
                max={60_000}
                value={row.timeoutMs}
                onChange={(timeoutMs) => set(i, { timeoutMs: String(timeoutMs) })}
              />
              <TextInput
                size="xs"
                className={css.corpusQuery}
                label="What is looked for"
                placeholder="{{ question }}"
                value={row.query}
                onChange={(event) => set(i, { query: event.currentTarget.value })}
                spellCheck={false}
              />
              <Switch
                size="xs"
                className={css.corpusQuery}
                label="Answer without, where it cannot be searched"
                checked={row.without}
                onChange={(event) => set(i, { without: event.currentTarget.checked })}
              />
            </div>
          </details>
        </div>
      ))}
      {error && (
        <p className={css.error} role="alert">
          {error}
        </p>
      )}
      <div className={css.offered}>
        <Button
          variant="default"
          size="compact-xs"
          leftSection={<Plus size={12} />}
          onClick={() => onChange([...rows, rowOf("")])}
        >
          Add a corpus
        </Button>
        {left.slice(0, 6).map((name) => (
          <Button key={name} variant="subtle" size="compact-xs" onClick={() => onChange([...rows, rowOf(name)])}>
            {name}
          </Button>
        ))}
      </div>
    </fieldset>
  );
}
