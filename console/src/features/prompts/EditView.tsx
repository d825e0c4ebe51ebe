import { Button } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { FlaskConical, Save, Undo2 } from "lucide-react";
import { type ReactNode, useMemo, useState } from "react";
import { previewFileQuery } from "@/api/prompts";
import type { PromptVersionView, PromptView } from "@/api/types";
import { useShortcuts } from "@/lib/hooks";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { WriteButton } from "@/ui/WriteButton";
import { Editor, type Mark } from "./Editor";
import { Preview } from "./Preview";
import css from "./prompts.module.css";
import { SaveDialog } from "./SaveDialog";
import { VariablesForm } from "./VariablesForm";
import { type Texts, valuesOf } from "./variables";

interface Props {
  project: string;
  name: string;
  /** Undefined for a prompt that is not saved yet. */
  prompt: PromptView | undefined;
  /** The version whose text is shown. */
  shown: PromptVersionView | undefined;
  stored: string;
  start: string;
  /** It was saved, or theirs was taken instead: begin anew from what is newest. */
  onDone: () => Promise<void>;
}

const FREE = ["model"];

/** What the server says of the text as it stands, and of the values that were typed for its variables. */
function useFilePreview(project: string, name: string, text: string, texts: Texts, model: string) {
  const [file] = useDebouncedValue(text, 300);
  const [known, setKnown] = useState<Parameters<typeof valuesOf>[0]>([]);
  const { values, errors } = useMemo(() => valuesOf(known, texts), [known, texts]);
  const [variables] = useDebouncedValue(values, 300);
  const preview = useQuery(previewFileQuery(project, name, { file, variables, model }));
  const answer = preview.data;
  if (answer && JSON.stringify(answer.variables) !== JSON.stringify(known)) setKnown(answer.variables);
  // What was found of an earlier text, or of earlier values, says nothing of these.
  const current = !preview.isPlaceholderData && file === text && variables === values;
  const problem = (current && answer?.problem) || null;
  const broken = Boolean(problem && !(problem.variable && problem.line === null));
  return { preview, answer, known, errors, problem, broken };
}

type FilePreview = ReturnType<typeof useFilePreview>;

/** Why there is nothing to save now. */
function whyNot(dirty: boolean, archived: boolean, broken: boolean): string | undefined {
  if (!dirty) return "Nothing was changed.";
  if (archived) return "It is archived; take it out of the archive first.";
  return broken ? "There is a mistake in it." : undefined;
}

/** The file's own text on one side; what it asks for and what comes of it on the other. */
export function EditView({ project, name, prompt, shown, stored, start, onDone }: Props) {
  const [text, setText] = useState(start);
  const [texts, setTexts] = useState<Texts>({});
  const [saving, setSaving] = useState(false);
  const [base] = useState(prompt?.newest ?? 0);
  const search = useSearch({ from: "/inside/p/$project/prompts/$name" });
  const leaving = useLeaving();
  const found = useFilePreview(project, name, text, texts, search.model ?? "");
  const { problem } = found;
  const marks = useMemo((): Mark[] => {
    return problem?.line ? [{ line: problem.line, message: `${problem.message} ${problem.fix}` }] : [];
  }, [problem]);
  const dirty = text !== stored;
  const why = whyNot(dirty, Boolean(prompt?.archived), found.broken);
  const save = () => {
    if (!why) setSaving(true);
  };
  useShortcuts({ "mod+s": save });
  return (
    <div className={css.editing}>
      <section className={css.side} aria-label="The file">
        <FileBar
          project={project}
          shown={shown}
          news={<News project={project} name={name} prompt={prompt} shown={shown} base={base} />}
          why={why}
          onUndo={dirty ? () => setText(stored || start) : undefined}
          onSave={save}
        />
        <div className={css.editor}>
          <Editor
            label={`The file of ${name}`}
            value={text}
            onChange={setText}
            marks={marks}
            names={found.known.map((each) => each.name)}
            onSave={save}
          />
        </div>
        <p className={`${css.hint} muted`}>
          <code>@system</code>, <code>@user</code>, <code>@assistant</code> begin a message;{" "}
          <code>{'{% include "other" %}'}</code> takes in another prompt. Ctrl or Cmd S saves.
          {found.answer?.hash && <span className="mono"> {found.answer.hash.slice(0, 19)}…</span>}
        </p>
      </section>
      <Outcome
        project={project}
        found={found}
        texts={texts}
        onTexts={(change) => setTexts((now) => ({ ...now, ...change }))}
      />
      {saving && (
        <SaveDialog
          project={project}
          name={name}
          file={text}
          base={base}
          onClose={() => setSaving(false)}
          onDone={async () => {
            leaving.current = true;
            await onDone();
            setSaving(false);
          }}
        />
      )}
      <UnsavedGuard dirty={dirty && (prompt !== undefined || text !== start)} leaving={leaving} free={FREE} />
    </div>
  );
}

interface BarProps {
  project: string;
  shown: PromptVersionView | undefined;
  /** What is to be known of other versions. */
  news: ReactNode;
  why: string | undefined;
  onUndo: (() => void) | undefined;
  onSave: () => void;
}

function FileBar({ project, shown, news, why, onUndo, onSave }: BarProps) {
  return (
    <div className={css.bar}>
      <span className={css.grow}>{news}</span>
      {onUndo && (
        <Button variant="subtle" color="gray" leftSection={<Undo2 size={14} />} onClick={onUndo}>
          Undo all
        </Button>
      )}
      {shown && (
        <Button
          component={Link}
          to="/p/$project/playground"
          params={{ project } as never}
          search={{ prompt: shown.name, ref: String(shown.version) } as never}
          variant="default"
          leftSection={<FlaskConical size={14} />}
        >
          Playground
        </Button>
      )}
      <WriteButton needs="prompt:write" leftSection={<Save size={14} />} why={why} onClick={onSave}>
        Save version
      </WriteButton>
    </div>
  );
}

interface OutcomeProps {
  project: string;
  found: FilePreview;
  texts: Texts;
  onTexts: (change: Texts) => void;
}

/** What is wrong with it, what it asks for, and what it renders to. */
function Outcome({ project, found, texts, onTexts }: OutcomeProps) {
  const search = useSearch({ from: "/inside/p/$project/prompts/$name" });
  const navigate = useNavigate({ from: "/p/$project/prompts/$name" });
  const { preview, answer, known, errors, problem, broken } = found;
  return (
    <section className={css.side} aria-label="What comes of it">
      {problem && broken && (
        <Notice title={problem.line ? `Line ${problem.line}: ${problem.message}` : problem.message}>
          {problem.fix}
        </Notice>
      )}
      {preview.isError && <ProblemNotice error={preview.error} retry={() => void preview.refetch()} />}
      <VariablesForm
        variables={known}
        texts={texts}
        errors={problem?.variable && !broken ? { ...errors, [problem.variable]: problem.message } : errors}
        onChange={onTexts}
      />
      <Preview
        project={project}
        preview={answer}
        busy={preview.isFetching}
        model={search.model ?? ""}
        onModel={(next) => void navigate({ search: (was) => ({ ...was, model: next || undefined }), replace: true })}
      />
    </section>
  );
}

interface NewsProps {
  project: string;
  name: string;
  prompt: PromptView | undefined;
  shown: PromptVersionView | undefined;
  base: number;
}

function News({ project, name, prompt, shown, base }: NewsProps) {
  return (
    <>
      {shown && shown.version !== prompt?.newest && <Older shown={shown} newest={prompt?.newest ?? 0} />}
      {prompt && prompt.newest > base && <Meanwhile name={name} project={project} prompt={prompt} base={base} />}
    </>
  );
}

function Older({ shown, newest }: { shown: PromptVersionView; newest: number }) {
  return (
    <span className="muted">
      This is version {shown.version}. Saving it makes version {newest + 1} of this text.
    </span>
  );
}

interface MeanwhileProps {
  project: string;
  name: string;
  prompt: PromptView;
  base: number;
}

function Meanwhile({ project, name, prompt, base }: MeanwhileProps) {
  return (
    <span role="status">
      {prompt.author} saved version {prompt.newest} meanwhile.{" "}
      <Link
        to="/p/$project/prompts/$name"
        params={{ project, name }}
        search={{ view: "diff", before: String(base), after: String(prompt.newest) }}
        target="_blank"
      >
        What changed
      </Link>
    </span>
  );
}
