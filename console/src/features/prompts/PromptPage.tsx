import { Skeleton } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { useState } from "react";
import { asProblem } from "@/api/client";
import { promptQuery, promptsKey, versionQuery } from "@/api/prompts";
import type { PromptDetail, PromptView } from "@/api/types";
import { Tag } from "@/ui/bits";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { useTitle } from "@/ui/Page";
import ui from "@/ui/ui.module.css";
import { ArchiveButton } from "./ArchiveButton";
import { BlameView } from "./BlameView";
import { DiffView } from "./DiffView";
import { draftKey, type StartedDraft, starter } from "./draft";
import { EditView } from "./EditView";
import { HistoryView } from "./HistoryView";
import css from "./prompts.module.css";

export const FROM = "/inside/p/$project/prompts/$name";
const VIEWS = [
  { id: "edit", label: "Edit" },
  { id: "history", label: "History" },
  { id: "diff", label: "Differences" },
  { id: "blame", label: "Blame" },
] as const;

/** A link is of this very view, not of all that are below it. */
const EXACTLY = { exact: true, includeSearch: true };

/** "What does this prompt say, what is live of it, and how did it come to that?" */
export function PromptPage() {
  const { project, name } = useParams({ from: FROM });
  const search = useSearch({ from: FROM });
  useTitle(name);
  const prompt = useQuery({ ...promptQuery(project, name), refetchInterval: search.new ? false : 15_000 });
  const missing = prompt.isError && asProblem(prompt.error).status === 404;
  const view = missing ? "edit" : (VIEWS.find((each) => each.id === search.view)?.id ?? "edit");
  if (prompt.isLoadingError && !(missing && search.new)) {
    return (
      <div className={ui.page} style={{ maxWidth: 720 }}>
        <ProblemNotice error={prompt.error} retry={() => void prompt.refetch()} />
      </div>
    );
  }
  if (prompt.isPending) {
    return (
      <div className={ui.page} aria-busy="true">
        <Skeleton height={60} mb={16} />
        <Skeleton height={420} />
      </div>
    );
  }
  return (
    <div className={ui.page}>
      <Head project={project} name={name} prompt={prompt.data} />
      {prompt.isRefetchError && <ProblemNotice error={prompt.error} retry={() => void prompt.refetch()} />}
      {prompt.data && <Tabs project={project} name={name} current={view} />}
      {view === "edit" && <Edited key={`${name} ${search.ref}`} project={project} name={name} prompt={prompt.data} />}
      {view === "history" && prompt.data && <HistoryView project={project} prompt={prompt.data} />}
      {view === "diff" && prompt.data && <DiffView project={project} prompt={prompt.data} />}
      {view === "blame" && prompt.data && <BlameView project={project} prompt={prompt.data} />}
    </div>
  );
}

function Head({ project, name, prompt }: { project: string; name: string; prompt: PromptView | undefined }) {
  return (
    <header className={css.head}>
      <Link to="/p/$project/prompts" params={{ project }} className={css.back}>
        <ArrowLeft size={14} aria-hidden="true" /> Prompts
      </Link>
      <h1>
        {prompt?.folder && (
          <Link to="/p/$project/prompts" params={{ project }} search={{ folder: prompt.folder }} className={css.folder}>
            {prompt.folder}/
          </Link>
        )}
        {name}
      </h1>
      {prompt ? (
        <>
          <Tag>version {prompt.newest}</Tag>
          {prompt.labels.map((each) => (
            <Tag key={each.label} tone="accent">
              {each.label} v{each.version}
            </Tag>
          ))}
          {prompt.archived !== null && <Tag tone="warn">archived</Tag>}
          <span className={css.headTools}>
            <ArchiveButton project={project} prompt={prompt} />
          </span>
        </>
      ) : (
        <Tag tone="warn">not saved yet</Tag>
      )}
    </header>
  );
}

function Tabs({ project, name, current }: { project: string; name: string; current: string }) {
  return (
    <nav className={css.tabs} aria-label="Views of this prompt">
      {VIEWS.map((each) => (
        <Link
          key={each.id}
          to="/p/$project/prompts/$name"
          params={{ project, name }}
          search={(was) => ({ ...was, new: undefined, view: each.id === "edit" ? undefined : each.id })}
          className={css.tab}
          activeOptions={EXACTLY}
          aria-current={each.id === current ? "page" : undefined}
        >
          {each.label}
        </Link>
      ))}
    </nav>
  );
}

/** The text to edit: the version asked for, a draft that was begun elsewhere, or an empty prompt. */
function Edited({ project, name, prompt }: { project: string; name: string; prompt: PromptView | undefined }) {
  const { ref = "latest" } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: "/p/$project/prompts/$name" });
  const queries = useQueryClient();
  // What is being edited stays what it is, whatever is saved meanwhile: edits must not be lost to a newer version.
  const [pinned, setPinned] = useState<PromptDetail>();
  const version = useQuery({ ...versionQuery(project, name, ref), enabled: prompt !== undefined });
  if (!pinned && version.data && !version.isFetching) setPinned(version.data);
  const draft = queries.getQueryData<StartedDraft>(draftKey(project, name));
  const renew = async () => {
    queries.removeQueries({ queryKey: draftKey(project, name) });
    await queries.invalidateQueries({ queryKey: promptsKey(project) });
    setPinned(undefined);
    await navigate({ search: (was) => ({ model: was.model }), replace: true });
  };
  if (version.isError && !pinned) return <ProblemNotice error={version.error} retry={() => void version.refetch()} />;
  if (prompt && !pinned) return <Skeleton height={420} aria-busy="true" />;
  const stored = pinned?.file ?? "";
  return (
    <>
      {draft && draft.notes.length > 0 && (
        <Notice tone="warn" title="Not everything could be carried over as it was">
          <ul className={css.notes}>
            {draft.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </Notice>
      )}
      <EditView
        key={pinned?.version.version ?? 0}
        project={project}
        name={name}
        prompt={prompt}
        shown={pinned?.version}
        stored={stored}
        start={draft?.file ?? (prompt ? stored : starter(name))}
        onDone={renew}
      />
    </>
  );
}
