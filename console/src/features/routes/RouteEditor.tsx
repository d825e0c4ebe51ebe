import { Button, Switch, Textarea, TextInput } from "@mantine/core";
import { useEffect } from "react";
import { inProject, patch, post } from "@/api/client";
import { routesQuery } from "@/api/queries";
import type { RouteView } from "@/api/types";
import { EditDrawer, useEditing } from "@/ui/EditDrawer";
import css from "./routes.module.css";
import { linesOf, treeOf } from "./tree";

interface Props {
  project: string;
  route: RouteView | undefined;
  /** A tree to begin with, instead of the one in force: what was tried on real calls. */
  draft?: string | undefined;
  /** See what this tree would have done. */
  onReplay: (tree: string) => void;
  onClose: () => void;
}

const START = { node: "fallback", of: ["fast", "cheap"] };

const formOf = (route: RouteView | undefined) => ({
  name: route?.name ?? "",
  about: route?.about ?? "",
  session: route?.affinity.session ?? false,
  prompt: route?.affinity.prompt ?? false,
  tree: JSON.stringify(route?.tree ?? START, null, 2),
});

/** The tree is written as JSON, as the API and the config file have it; the server names the node of each mistake. */
export function RouteEditor({ project, route, draft, onReplay, onClose }: Props) {
  const editing = useEditing({
    begin: () => formOf(route),
    now: route && { form: formOf(route), revision: route.revision },
    save: (form, _, revision) => {
      const affinity = { ...route?.affinity, session: form.session, prompt: form.prompt };
      const body = { tree: treeOf(form.tree).tree, about: form.about, affinity };
      return route
        ? patch<RouteView>(inProject(project, "routes", route.name), { ...body, expected_revision: revision })
        : post<RouteView>(inProject(project, "routes"), { ...body, name: form.name });
    },
    stale: [routesQuery(project).queryKey],
    onSaved: onClose,
  });
  const { form, set } = editing;
  const read = treeOf(form.tree);
  // What was tried is a change that is not saved yet.
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, as it opens
  useEffect(() => {
    if (draft !== undefined) set({ tree: draft });
  }, []);
  return (
    <EditDrawer
      editing={editing}
      title={route ? `Edit ${route.name}` : "Add a route"}
      size={560}
      gap={12}
      action={route ? "Save" : "Add"}
      aside={
        route && (
          <Button
            variant="subtle"
            size="sm"
            disabled={Boolean(read.error)}
            onClick={() => {
              editing.leaving.current = true; // the draft goes along, in the address
              onReplay(form.tree);
            }}
          >
            What would this have done?
          </Button>
        )
      }
      off={Boolean(read.error) || (route ? !editing.dirty : !form.name)}
      onClose={onClose}
    >
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
    </EditDrawer>
  );
}
