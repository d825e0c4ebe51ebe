import { Button, Drawer, Switch, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { inProject, patch, post } from "@/api/client";
import { routesQuery } from "@/api/queries";
import type { RouteView } from "@/api/types";
import { ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import css from "./routes.module.css";
import { linesOf, type RawNode } from "./tree";

interface Props {
  project: string;
  route: RouteView | undefined;
  onClose: () => void;
}

const START = { node: "fallback", of: ["fast", "cheap"] };

/** The tree is written as JSON, as the API and the config file have it; the server names the node of each mistake. */
export function RouteEditor({ project, route, onClose }: Props) {
  const [initial] = useState(() => ({
    name: route?.name ?? "",
    about: route?.about ?? "",
    session: route?.affinity.session ?? false,
    prompt: route?.affinity.prompt ?? false,
    tree: JSON.stringify(route?.tree ?? START, null, 2),
  }));
  const [form, setForm] = useState(initial);
  const leaving = useLeaving();
  const queries = useQueryClient();
  const set = (change: Partial<typeof form>) => setForm((now) => ({ ...now, ...change }));
  const read = treeOf(form.tree);
  const dirty = JSON.stringify(form) !== JSON.stringify(initial);
  const save = useMutation({
    mutationFn: () => {
      const affinity = { ...route?.affinity, session: form.session, prompt: form.prompt };
      const body = { tree: read.tree, about: form.about, affinity };
      return route
        ? patch<RouteView>(inProject(project, "routes", route.name), body)
        : post<RouteView>(inProject(project, "routes"), { ...body, name: form.name });
    },
    onSuccess: async () => {
      leaving.current = true;
      await queries.invalidateQueries({ queryKey: routesQuery(project).queryKey });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!read.error) save.mutate();
  };
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={560}
      title={<strong>{route ? `Edit ${route.name}` : "Add a route"}</strong>}
    >
      <form className={css.form} onSubmit={submit} noValidate>
        <TextInput
          label="Name"
          description="What clients put into model=…"
          value={form.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          disabled={Boolean(route)}
          data-autofocus={!route || undefined}
          spellCheck={false}
        />
        <TextInput label="About" value={form.about} onChange={(event) => set({ about: event.currentTarget.value })} />
        <Textarea
          label="Tree"
          description="A model's name, or a node: fallback, weights, fastest, cheapest, least_busy, when, semantic, escalate, local_only."
          autosize
          minRows={10}
          maxRows={24}
          value={form.tree}
          onChange={(event) => set({ tree: event.currentTarget.value })}
          error={read.error}
          spellCheck={false}
          classNames={{ input: "mono" }}
        />
        {!read.error && (
          <ol className={css.tree} aria-label="As it reads">
            {linesOf(read.tree).map((line) => (
              <li key={line.path} className={css.line} style={{ paddingLeft: 12 + line.depth * 22 }}>
                {line.label && <span className={css.way}>{line.label}</span>}
                {line.model ?? `${line.kind.replace("_", " ")}: ${line.what}`}
              </li>
            ))}
          </ol>
        )}
        <Switch
          label="Keep a session where it was answered before"
          checked={form.session}
          onChange={(event) => set({ session: event.currentTarget.checked })}
        />
        <Switch
          label="Keep a long prompt where it was answered before"
          description="So that the provider's own cache hits."
          checked={form.prompt}
          onChange={(event) => set({ prompt: event.currentTarget.checked })}
        />
        {save.isError && <ProblemNotice error={save.error} />}
        <div className={css.formFoot}>
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button
            type="submit"
            size="sm"
            loading={save.isPending}
            disabled={Boolean(read.error) || (route ? !dirty : !form.name)}
          >
            {route ? "Save" : "Add"}
          </Button>
        </div>
      </form>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Drawer>
  );
}

function treeOf(text: string): { tree: RawNode; error?: string } {
  try {
    const tree: unknown = JSON.parse(text);
    if (typeof tree === "string" || (typeof tree === "object" && tree !== null && !Array.isArray(tree)))
      return { tree: tree as RawNode };
    return { tree: "", error: "A tree is a model's name in quotes, or an object." };
  } catch (error) {
    return { tree: "", error: error instanceof Error ? error.message : String(error) };
  }
}
