import { Autocomplete, Button, SegmentedControl, TagsInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiProblem, inProject, put } from "@/api/client";
import { appQuery } from "@/api/releases";
import type { AppDetail } from "@/api/releaseTypes";
import { READ_ONLY, useMay } from "@/lib/role";
import { Panel } from "@/ui/bits";
import { JsonInput } from "@/ui/JsonInput";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import css from "./apps.module.css";
import { type DraftErrors, type DraftForm, formOf, specOf } from "./draftForm";
import { KnowledgeEditor } from "./KnowledgeEditor";
import { useGuardNames, usePromptNames, useRouteNames } from "./names";
import { PairsEditor } from "./PairsEditor";

const PARAMETERS = {
  temperature: "How much chance there is in an answer; 0 for the least.",
  max_tokens: "The longest answer, in tokens.",
  top_p: "Only the likeliest words that make up this share.",
  seed: "The same seed gives the same answer, as far as the provider can.",
};

interface Props {
  project: string;
  app: AppDetail;
  /** After it is saved, when that was asked for: the release is made. */
  onRelease: () => void;
}

/** The draft of the next release. Nothing that runs is changed by it. */
export function DraftEditor({ project, app, onRelease }: Props) {
  const [initial, setInitial] = useState(() => ({ form: formOf(app.spec), revision: app.revision }));
  const [form, setForm] = useState<DraftForm>(initial.form);
  const [tried, setTried] = useState(false);
  const leaving = useLeaving();
  const may = useMay("release:write");
  const queries = useQueryClient();
  const read = specOf(form, app.spec);
  const errors = tried ? read.errors : {};
  const dirty = JSON.stringify(form) !== JSON.stringify(initial.form);
  const set = (change: Partial<DraftForm>) => setForm((now) => ({ ...now, ...change }));
  const take = (saved: AppDetail) => {
    queries.setQueryData(appQuery(project, app.name).queryKey, saved);
    const fresh = formOf(saved.spec);
    setInitial({ form: fresh, revision: saved.revision });
    setForm(fresh);
  };
  const save = useMutation({
    mutationFn: (_: { release: boolean }) =>
      put<AppDetail>(inProject(project, "apps", app.name), {
        spec: read.spec,
        expected_revision: initial.revision,
      }),
    onSuccess: async (saved, { release }) => {
      take(saved);
      await queries.invalidateQueries({ queryKey: ["release-diff", project, app.name] });
      if (release) {
        leaving.current = true;
        onRelease();
      }
    },
  });
  const submit = (release: boolean) => {
    setTried(true);
    if (Object.keys(read.errors).length > 0) return;
    if (dirty) save.mutate({ release });
    else if (release) onRelease();
  };
  const changed = save.error instanceof ApiProblem && save.error.code === "app_changed";
  return (
    <Panel>
      <form
        className={css.body}
        noValidate
        aria-label="Draft"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          submit(false);
        }}
      >
        {app.trouble && !dirty && (
          <Notice tone="warn" title="No release can be made of it as it is">
            {app.trouble}
          </Notice>
        )}
        <div className={css.sections}>
          <Left project={project} form={form} set={set} errors={errors} />
          <Right project={project} form={form} set={set} errors={errors} />
        </div>
        {save.isError && <ProblemNotice error={save.error} />}
        {changed && (
          <div>
            <Button
              variant="default"
              onClick={() =>
                void queries.fetchQuery({ ...appQuery(project, app.name), staleTime: 0 }).then((now) => {
                  save.reset();
                  take(now);
                })
              }
            >
              Drop mine and load what is there
            </Button>
          </div>
        )}
      </form>
      <div className={css.foot}>
        <span className="muted">
          {!may ? READ_ONLY : dirty ? "Not saved." : app.differs === false ? `The same as r${app.newest}.` : "Saved."}
        </span>
        <Button
          variant="default"
          size="sm"
          onClick={() => submit(false)}
          loading={save.isPending && !save.variables?.release}
          disabled={!may || !dirty}
        >
          Save the draft
        </Button>
        <Button
          size="sm"
          onClick={() => submit(true)}
          loading={save.isPending && save.variables?.release}
          disabled={!may || app.archived !== null || (!dirty && Boolean(app.trouble))}
        >
          {dirty ? "Save and create a release…" : "Create a release…"}
        </Button>
      </div>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Panel>
  );
}

interface PartProps {
  form: DraftForm;
  set: (change: Partial<DraftForm>) => void;
  errors: DraftErrors;
}

function Left({ project, form, set, errors }: PartProps & { project: string }) {
  const prompts = usePromptNames(project);
  const routes = useRouteNames(project);
  return (
    <div className={css.column}>
      <TextInput
        label="What it is for"
        value={form.description}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
      <Autocomplete
        label="Prompt"
        description="support, support@3 or support@production; frozen with all it includes. Empty: clients send all the messages."
        data={prompts}
        value={form.prompt}
        onChange={(prompt) => set({ prompt })}
        spellCheck={false}
      />
      <div className={css.choice}>
        <span className={css.label} id="answers-with">
          Answers with
        </span>
        <SegmentedControl
          size="xs"
          aria-labelledby="answers-with"
          data={[
            { value: "name", label: "A model or a route" },
            { value: "tree", label: "A tree of its own" },
          ]}
          value={form.routeKind}
          onChange={(kind) => set({ routeKind: kind as DraftForm["routeKind"] })}
        />
        {form.routeKind === "name" ? (
          <Autocomplete
            label="Model or route"
            description="A release pins what it stands for now: provider and model, every fallback."
            data={routes}
            value={form.route}
            onChange={(route) => set({ route })}
            error={errors.route}
            spellCheck={false}
          />
        ) : (
          <JsonInput
            label="Tree"
            description="As in routes: fallback, weights, fastest, cheapest, when, escalate, …"
            value={form.tree}
            onChange={(tree) => set({ tree })}
            error={errors.tree}
            rows={6}
          />
        )}
      </div>
      <PairsEditor
        label="Parameters"
        about="Of the model call; over the prompt's and the client's."
        offered={PARAMETERS}
        pairs={form.parameters}
        onChange={(parameters) => set({ parameters })}
        error={errors.parameters}
      />
      <PairsEditor
        label="Variables"
        about="Values that the prompt always has, over what clients send."
        pairs={form.variables}
        onChange={(variables) => set({ variables })}
        error={errors.variables}
      />
      <PairsEditor
        label="Policy"
        about="Business rules as data, kept apart from wording; templates read them as policy."
        pairs={form.policy}
        onChange={(policy) => set({ policy })}
        error={errors.policy}
      />
    </div>
  );
}

function Right({ project, form, set, errors }: PartProps & { project: string }) {
  const guards = useGuardNames(project);
  return (
    <div className={css.column}>
      <TagsInput
        label="Guards"
        description="They look at its calls, besides those that hold for it by themselves. A release pins their versions as they are then; pii@3 names one."
        data={guards}
        value={form.guards}
        onChange={(chosen) => set({ guards: chosen })}
      />
      <KnowledgeEditor
        project={project}
        rows={form.knowledge}
        onChange={(knowledge) => set({ knowledge })}
        error={errors.knowledge}
      />
      <JsonInput
        label="Tools"
        description="A list, as providers take it. Empty: the prompt's; [] for none."
        placeholder='[{"type": "function", "function": {"name": "find_order", "parameters": {}}}]'
        value={form.tools}
        onChange={(tools) => set({ tools })}
        error={errors.tools}
        rows={5}
      />
      <JsonInput
        label="Output schema"
        description="A JSON schema that answers keep to. Empty: the prompt's."
        value={form.outputSchema}
        onChange={(outputSchema) => set({ outputSchema })}
        error={errors.outputSchema}
        rows={4}
      />
      <JsonInput
        label="Context"
        description="How long conversations are shortened. Empty: not at all."
        placeholder='{"max_tokens": 8000, "keep_turns": 4}'
        value={form.context}
        onChange={(context) => set({ context })}
        error={errors.context}
      />
      <JsonInput
        label="Cache"
        description="Which answers are given again. Empty: none."
        placeholder='{"mode": "exact", "ttl_s": 3600}'
        value={form.cache}
        onChange={(cache) => set({ cache })}
        error={errors.cache}
      />
      <PairsEditor
        label="Metadata"
        about="For programs; decides nothing."
        pairs={form.metadata}
        onChange={(metadata) => set({ metadata })}
        error={errors.metadata}
      />
    </div>
  );
}
