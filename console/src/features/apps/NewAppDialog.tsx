import { Autocomplete, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { inProject, put } from "@/api/client";
import type { AppDetail } from "@/api/releaseTypes";
import { FormDialog } from "@/ui/FormDialog";
import { usePromptNames, useRouteNames } from "./names";

/** Below it an open list would lie over the buttons that end the form. */
const ABOVE = { position: "top" } as const;

/** Name, route and prompt: enough for a first release. The rest is in the draft. */
export function NewAppDialog({ project, onClose }: { project: string; onClose: () => void }) {
  const [name, setName] = useState("");
  const [route, setRoute] = useState("");
  const [prompt, setPrompt] = useState("");
  const [description, setDescription] = useState("");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const make = useMutation({
    mutationFn: () =>
      put<AppDetail>(inProject(project, "apps", name.trim()), {
        spec: { description: description.trim(), route: route.trim(), ...(prompt.trim() && { prompt: prompt.trim() }) },
        expected_revision: 0,
      }),
    onSuccess: async (app) => {
      await queries.invalidateQueries({ queryKey: ["apps", project] });
      void navigate({ to: "/p/$project/apps/$app", params: { project, app: app.name }, search: { view: "draft" } });
    },
  });
  return (
    <FormDialog
      title="Make an app"
      size={480}
      action="Make it"
      off={!name.trim()}
      asking={make}
      onSubmit={() => make.mutate()}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        description="What clients put into model=…; no model or route may have it."
        placeholder="support"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-autofocus
        spellCheck={false}
      />
      <TextInput
        label="What it is for"
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <Autocomplete
        label="Answers with"
        description="A model, a route, or provider/model-id."
        data={useRouteNames(project)}
        comboboxProps={ABOVE}
        value={route}
        onChange={setRoute}
      />
      <Autocomplete
        label="Prompt"
        description="Empty: clients send all the messages."
        data={usePromptNames(project)}
        comboboxProps={ABOVE}
        value={prompt}
        onChange={setPrompt}
      />
    </FormDialog>
  );
}
