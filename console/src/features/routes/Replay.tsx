import { Button, NumberInput, Select, Skeleton, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { inProject, post } from "@/api/client";
import type { ReplayReport, RouteView } from "@/api/types";
import { PRESETS, resolveRange } from "@/search/range";
import { fixedByFile } from "@/ui/FromFile";
import { ProblemNotice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";
import { ReplayFigures } from "./ReplayFigures";
import css from "./routes.module.css";
import { treeOf } from "./tree";

/** What is asked, as it stands in the address; nothing is decided before there is an `at`. */
export interface ReplaySearch {
  tree?: string;
  q?: string;
  range?: string;
  limit?: string;
  /** When it was asked: a link shows the calls that were looked at then. */
  at?: string;
}

interface Props {
  project: string;
  route: RouteView;
  search: ReplaySearch;
  onAsk: (search: ReplaySearch) => void;
  /** Take the draft into the editor. */
  onTake: (tree: string) => void;
}

const MOST = 20_000;

/** Real calls decided again under a draft: what would have changed, and for which of them. No provider is asked. */
export function Replay({ project, route, search, onAsk, onTake }: Props) {
  const inForce = JSON.stringify(route.tree, null, 2);
  const own = `model:"${route.name}"`;
  const [form, setForm] = useState({
    tree: search.tree ?? inForce,
    q: search.q ?? own,
    range: search.range ?? "24h",
    limit: Number(search.limit) || 1000,
  });
  const set = (change: Partial<typeof form>) => setForm((before) => ({ ...before, ...change }));
  const read = treeOf(form.tree);
  const now = Number(search.at);
  const { window } = resolveRange({ range: search.range ?? "24h" }, now);
  const asked = { tree: search.tree ?? inForce, q: search.q ?? own, limit: Number(search.limit) || 1000 };
  const found = useQuery({
    queryKey: ["replay", project, route.name, asked, window.start, window.end],
    queryFn: () =>
      post<ReplayReport>(inProject(project, "replay"), {
        ...window,
        q: asked.q,
        limit: asked.limit,
        name: route.name,
        tree: treeOf(asked.tree).tree,
        affinity: route.affinity,
      }),
    enabled: now > 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (read.error) return;
    onAsk({
      tree: form.tree === inForce ? undefined : form.tree,
      q: form.q === own ? undefined : form.q,
      range: form.range === "24h" ? undefined : form.range,
      limit: form.limit === 1000 ? undefined : String(form.limit),
      at: String(Date.now()),
    });
  };
  return (
    <section className={css.explain} aria-label={`What if ${route.name} were another`}>
      <form className={css.replayForm} onSubmit={submit}>
        <Textarea
          label="Draft"
          description="The tree to decide by. Recorded calls are decided again; no provider is asked and nothing is paid."
          autosize
          minRows={4}
          maxRows={18}
          value={form.tree}
          onChange={(event) => set({ tree: event.currentTarget.value })}
          error={read.error}
          spellCheck={false}
          classNames={{ input: "mono" }}
        />
        <div className={css.replayWhich}>
          <TextInput
            label="Calls"
            description="A search, as of traces"
            value={form.q}
            onChange={(event) => set({ q: event.currentTarget.value })}
            spellCheck={false}
          />
          <Select
            label="Of"
            description="Until now"
            data={PRESETS.map(({ id, label }) => ({ value: id, label }))}
            value={form.range}
            allowDeselect={false}
            onChange={(value) => set({ range: value ?? "24h" })}
          />
          <NumberInput
            label="At most"
            description="The newest"
            min={1}
            max={MOST}
            clampBehavior="blur"
            value={form.limit}
            onChange={(value) => set({ limit: Number(value) || 1 })}
          />
        </div>
        <div className={css.actions}>
          <Button type="submit" size="sm" disabled={Boolean(read.error)} loading={found.isFetching}>
            What would this have done?
          </Button>
          {search.tree && !read.error && (
            <WriteButton
              needs="route:write"
              variant="default"
              size="sm"
              why={fixedByFile(route)}
              onClick={() => onTake(form.tree)}
            >
              Edit the route so
            </WriteButton>
          )}
        </div>
      </form>
      {found.isError && <ProblemNotice error={found.error} retry={() => void found.refetch()} />}
      {found.isFetching && <Skeleton height={180} />}
      {found.data &&
        !found.isFetching &&
        (found.data.found === 0 ? (
          <p className="muted">
            No call of this time reached a provider and is found by this search.{" "}
            <Link
              to="/p/$project/traces"
              params={{ project }}
              search={{ q: asked.q || undefined, start: String(window.start), end: String(window.end) }}
            >
              Look at its calls
            </Link>
            , or take a longer time.
          </p>
        ) : (
          <ReplayFigures project={project} q={asked.q} found={found.data} />
        ))}
    </section>
  );
}
