import { Button, TagsInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Play, Save, Square } from "lucide-react";
import { type ComponentProps, useEffect, useMemo, useRef, useState } from "react";
import { previewFileQuery } from "@/api/prompts";
import { modelsQuery, routesQuery } from "@/api/queries";
import { appsQuery } from "@/api/releases";
import type { JsonObject, PlaygroundRun, PreviewVariable } from "@/api/types";
import { AddToDataset } from "@/features/datasets/AddToDataset";
import { type Texts, valuesOf } from "@/features/prompts/variables";
import { useShortcuts } from "@/lib/hooks";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { WriteButton } from "@/ui/WriteButton";
import { Answers } from "./Answers";
import { ContextEditor } from "./ContextEditor";
import { type Adds, caseInput, type Draft, read } from "./draft";
import { PromptSide } from "./PromptSide";
import css from "./playground.module.css";
import { textOf } from "./run";
import { SavePrompt } from "./SavePrompt";
import { useRun } from "./useRun";

interface Common {
  draft: Draft;
  models: string[];
  notes?: string[];
}
export type Source =
  | ({ kind: "own" } & Common)
  | ({ kind: "span"; traceId: string; spanId: string; like?: string; adds?: Adds | null } & Common)
  | ({ kind: "prompt"; name: string; version: number; file: string } & Common);

const MOST = 6;
const FREE = ["models", "diff"];
const NO_FILE = "";

interface Doubts {
  models: readonly string[];
  problem: string | undefined;
  /** What is wrong, by what it is about. */
  mistakes: readonly (readonly [string, unknown])[];
  empty: boolean;
}

/** Why nothing can be asked now. */
function whyNotAsk({ models, problem, mistakes, empty }: Doubts): string | undefined {
  if (models.length === 0) return "Choose a model first.";
  if (problem) return problem;
  if (mistakes[0]) return `Correct ${mistakes[0][0]} first.`;
  return empty ? "There is nothing to ask yet." : undefined;
}

/** Why nothing can be saved now. */
function whyNotSave(source: Source, file: string, mistaken: boolean): string | undefined {
  if (source.kind === "prompt" && file === source.file) return "The prompt was not changed.";
  return mistaken ? "Correct what is wrong first." : undefined;
}

/** What is sent: the prompt as it stands, or as it was saved where nobody changed it. */
function bodyOf(
  source: Source,
  file: string,
  models: string[],
  rest: Omit<PlaygroundRun, "models">,
  values: JsonObject,
) {
  const body: PlaygroundRun = { models, ...rest };
  if (source.kind === "prompt") {
    const own = file === source.file ? { ref: String(source.version) } : { file };
    body.prompt = { name: source.name, ...own, variables: values };
  }
  if (source.kind === "span" && source.like) body.like = source.like;
  return body;
}

/** What is asked on one side, what comes back on the other. */
export function Bench({ project, source }: { project: string; source: Source }) {
  const search = useSearch({ from: "/inside/p/$project/playground" });
  const models = search.models === undefined ? source.models : search.models.split(",").filter(Boolean);
  const [first] = useState(source);
  const [draft, setDraft] = useState<Draft>(first.draft);
  const [file, setFile] = useState(first.kind === "prompt" ? first.file : NO_FILE);
  const [texts, setTexts] = useState<Texts>({});
  const [saving, setSaving] = useState(false);
  const [kept, setKept] = useState<string | null>(null);
  const leaving = useLeaving();
  const run = useRun(project);
  const prompt = usePrompt(project, first, file, texts);
  const { asked, wrong } = useMemo(() => read(draft), [draft]);
  const edited = draft !== first.draft || (first.kind === "prompt" && file !== first.file);
  const mistakes = [...Object.entries(wrong), ...Object.entries(prompt.errors)];
  // An app's release may have a prompt of its own, which asks without any message of ours.
  const mayAskAlone = first.kind === "prompt" || models.some((each) => each.includes("@"));
  const empty = !mayAskAlone && asked.messages.length === 0 && Object.keys(asked.variables).length === 0;
  const why = whyNotAsk({ models, problem: prompt.problem, mistakes, empty });
  const ask = () => {
    if (why || run.running) return;
    run.start(bodyOf(first, file, models, asked, prompt.values));
  };
  useShortcuts({ "mod+enter": ask });
  return (
    <div className={css.bench}>
      <section className={css.asked} aria-label="What is asked">
        <Origin project={project} source={first} />
        <Notes notes={source.notes ?? []} />
        {first.kind === "prompt" && (
          <PromptSide
            name={first.name}
            file={file}
            onFile={setFile}
            known={prompt.known}
            texts={texts}
            onTexts={(change) => setTexts((now) => ({ ...now, ...change }))}
            errors={prompt.errors}
            preview={prompt.preview}
            onRun={ask}
          />
        )}
        <ContextEditor draft={draft} wrong={wrong} onChange={setDraft} after={first.kind === "prompt"} />
        <SaveButton source={first} file={file} mistaken={mistakes.length > 0} onClick={() => setSaving(true)} />
      </section>
      <Answered
        project={project}
        models={models}
        run={run}
        why={why}
        onAsk={ask}
        onKeep={asked.messages.length > 0 ? (answer) => setKept(textOf(answer)) : undefined}
      />
      {kept !== null && (
        <AddToDataset
          project={project}
          from={{ kind: "own", input: caseInput(asked), expected: kept }}
          onClose={() => setKept(null)}
        />
      )}
      {saving && (
        <SavePrompt
          project={project}
          source={first}
          file={file}
          draft={draft}
          onClose={() => setSaving(false)}
          onLeaving={() => {
            leaving.current = true;
          }}
        />
      )}
      <UnsavedGuard dirty={edited} leaving={leaving} free={FREE} />
    </div>
  );
}

interface SaveProps {
  source: Source;
  file: string;
  mistaken: boolean;
  onClick: () => void;
}

function SaveButton({ source, file, mistaken, onClick }: SaveProps) {
  return (
    <div className={css.foot}>
      <WriteButton
        needs="prompt:write"
        variant="default"
        leftSection={<Save size={14} />}
        why={whyNotSave(source, file, mistaken)}
        onClick={onClick}
      >
        {source.kind === "prompt" ? "Save version" : "Save as a prompt"}
      </WriteButton>
    </div>
  );
}

function Notes({ notes }: { notes: readonly string[] }) {
  if (notes.length === 0) return null;
  return (
    <Notice tone="warn">
      {notes.map((note) => (
        <div key={note}>{note}</div>
      ))}
    </Notice>
  );
}

interface AnsweredProps {
  project: string;
  models: string[];
  run: ReturnType<typeof useRun>;
  why: string | undefined;
  onAsk: () => void;
  onKeep: ComponentProps<typeof Answers>["onKeep"];
}

/** Who is asked, and what each said. */
function Answered({ project, models, run, why, onAsk, onKeep }: AnsweredProps) {
  const search = useSearch({ from: "/inside/p/$project/playground" });
  const known = useQuery(modelsQuery(project));
  const navigate = useNavigate({ from: "/p/$project/playground" });
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (was) => ({ ...was, ...change }), replace: true });
  return (
    <section className={css.answered} aria-label="Answers">
      <div className={css.ask}>
        <ModelsField
          project={project}
          models={models}
          running={run.running}
          onChange={(next) => set({ models: next.join(",") || undefined })}
        />
        {run.running ? (
          <Button size="sm" color="red.8" leftSection={<Square size={14} />} onClick={run.stop}>
            Stop
          </Button>
        ) : (
          <WriteOrRead why={why} onClick={onAsk} />
        )}
      </div>
      {run.error !== null && <ProblemNotice error={run.error} />}
      <Answers
        project={project}
        answers={run.answers}
        nobody={known.data?.length === 0 && models.length === 0}
        diff={search.diff}
        onDiff={(diff) => set({ diff })}
        onKeep={onKeep}
      />
    </section>
  );
}

/** Calling needs no right to change anything; a read-only key is told by the server. */
function WriteOrRead({ why, onClick }: { why: string | undefined; onClick: () => void }) {
  return (
    <WriteButton needs="model:call" size="sm" leftSection={<Play size={14} />} why={why} onClick={onClick}>
      Run
    </WriteButton>
  );
}

/** The prompt that is being tried: what it asks for and what is wrong with it. */
function usePrompt(project: string, source: Source, file: string, texts: Texts) {
  const [settled] = useDebouncedValue(file, 300);
  const [known, setKnown] = useState<PreviewVariable[]>([]);
  const { values, errors } = useMemo(() => valuesOf(known, texts), [known, texts]);
  const [variables] = useDebouncedValue(values, 300);
  const name = source.kind === "prompt" ? source.name : "none";
  const asked = { file: settled, variables, model: "" };
  const preview = useQuery({ ...previewFileQuery(project, name, asked), enabled: source.kind === "prompt" });
  const told = preview.data;
  if (told && JSON.stringify(told.variables) !== JSON.stringify(known)) setKnown(told.variables);
  // What was found of an earlier text says nothing of this one: the server looks at it anyway.
  const current = !preview.isPlaceholderData && settled === file && variables === values;
  const problem = current && told?.problem ? `${told.problem.message} ${told.problem.fix}` : undefined;
  return { known, values, errors, preview: told, problem };
}

function Origin({ project, source }: { project: string; source: Source }) {
  if (source.kind === "own") return null;
  return (
    <p className={css.origin}>
      {source.kind === "span" ? (
        <>
          As span <span className="mono">{source.spanId.slice(0, 8)}</span> of{" "}
          <Link
            to="/p/$project/traces/$traceId"
            params={{ project, traceId: source.traceId }}
            search={{ span: source.spanId }}
          >
            trace {source.traceId.slice(0, 12)}…
          </Link>{" "}
          was asked.
        </>
      ) : (
        <>
          Prompt{" "}
          <Link
            to="/p/$project/prompts/$name"
            params={{ project, name: source.name }}
            search={{ ref: String(source.version) }}
          >
            {source.name}, version {source.version}
          </Link>
        </>
      )}
    </p>
  );
}

interface ModelsProps {
  project: string;
  models: string[];
  running: boolean;
  onChange: (models: string[]) => void;
}

function ModelsField({ project, models, running, onChange }: ModelsProps) {
  const input = useRef<HTMLInputElement>(null);
  // The list of names would hide the answers; it closes when the field is left.
  useEffect(() => {
    if (running) input.current?.blur();
  }, [running]);
  const known = useQuery(modelsQuery(project));
  const routes = useQuery(routesQuery(project));
  const apps = useQuery({ ...appsQuery(project), retry: false });
  const groups = [
    { group: "Models", items: (known.data ?? []).map((each) => each.name) },
    { group: "Routes", items: (routes.data ?? []).map((each) => each.name) },
    { group: "Apps", items: (apps.data ?? []).map((each) => each.name) },
  ].filter((each) => each.items.length > 0);
  return (
    <TagsInput
      className={css.models}
      aria-label="Models"
      placeholder={models.length === 0 ? "Models, routes, apps (support@r12), provider/model" : ""}
      data={groups}
      value={models}
      maxTags={MOST}
      onChange={onChange}
      ref={input}
      acceptValueOnBlur
      comboboxProps={{ shadow: "md" }}
    />
  );
}
