import { Group, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiProblem } from "@/api/client";
import { type Corpus, knowledgeKey, putCorpus } from "@/api/knowledge";
import { useMay } from "@/lib/role";
import { Panel } from "@/ui/bits";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { WriteButton } from "@/ui/WriteButton";
import { CorpusConflict } from "./CorpusConflict";
import css from "./knowledge.module.css";
import { accessWords, type CorpusForm, formOfCorpus, putOfCorpus } from "./words";

interface Props {
  project: string;
  corpus: Corpus;
}

/** "Who may search it at all, whose is it, and when is a document too old?" */
export function CorpusSettings({ project, corpus }: Props) {
  // What was read when the first change was made: what others changed since is refused, not written over.
  const [draft, setDraft] = useState<{ base: Corpus; form: CorpusForm } | null>(null);
  const { base, form } = draft ?? { base: corpus, form: formOfCorpus(corpus) };
  const may = useMay("knowledge:write");
  const leaving = useLeaving();
  const queries = useQueryClient();
  const { body, wrong } = putOfCorpus(form, base);
  const dirty = JSON.stringify(form) !== JSON.stringify(formOfCorpus(base));
  const fault = wrong.access || wrong.staleDays;
  const set = (change: Partial<CorpusForm>) => setDraft({ base, form: { ...form, ...change } });
  const save = useMutation({
    mutationFn: () => putCorpus(project, corpus.name, body),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: knowledgeKey(project) });
      setDraft(null);
    },
  });
  const outdated = save.error instanceof ApiProblem && save.error.code === "revision_differs";
  const off = may
    ? dirty
      ? fault
      : "Nothing is changed."
    : "What is in a corpus is changed by who may edit knowledge.";
  return (
    <Panel>
      <form
        className={css.settings}
        aria-label="Settings"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (off === "") save.mutate();
        }}
      >
        <TextInput
          label="Only for"
          description="user:…, group:…, role:… or key:…, with commas between. Empty: for everybody who may search."
          value={form.access}
          error={wrong.access}
          disabled={!may}
          onChange={(event) => set({ access: event.currentTarget.value })}
          spellCheck={false}
        />
        <p className="muted">
          A document is found by whom both lists let in: this one and its own. It holds at once, for versions that
          releases froze, too.
        </p>
        {body.access.length > 0 && corpus.access.length === 0 && !wrong.access && (
          <Notice tone="warn">
            Until now everybody who may search finds it; from now on only {accessWords(body.access)}.
          </Notice>
        )}
        <TextInput
          label="Documents are stale after, in days"
          description="Counted from when their source was changed. Empty: they may be of any age."
          w={260}
          inputMode="numeric"
          value={form.staleDays}
          error={wrong.staleDays}
          disabled={!may}
          onChange={(event) => set({ staleDays: event.currentTarget.value })}
        />
        <TextInput
          label="Owner"
          description="Who is asked about it."
          value={form.owner}
          maxLength={200}
          disabled={!may}
          onChange={(event) => set({ owner: event.currentTarget.value })}
        />
        <Textarea
          label="What it is"
          autosize
          minRows={2}
          maxLength={4000}
          value={form.description}
          disabled={!may}
          onChange={(event) => set({ description: event.currentTarget.value })}
        />
        {save.isError && !outdated && <ProblemNotice error={save.error} />}
        {outdated && (
          <CorpusConflict
            project={project}
            base={base}
            mine={form}
            onGoOn={(now, next) => {
              setDraft({ base: now, form: next });
              save.reset();
            }}
          />
        )}
        {save.isSuccess && !dirty && <Notice tone="good">It is saved, and holds.</Notice>}
        <Group justify="flex-end">
          <WriteButton
            needs="knowledge:write"
            size="sm"
            loading={save.isPending}
            why={off || undefined}
            onClick={() => save.mutate()}
          >
            Save
          </WriteButton>
        </Group>
      </form>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Panel>
  );
}
