import { Button, Switch, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Folder as FolderIcon, Plus, Search, Tag as TagIcon } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { promptsQuery } from "@/api/prompts";
import type { PromptView } from "@/api/types";
import { formatAgo, formatDateTime, formatInt, plural } from "@/lib/format";
import { LIST_KEYS, useMainListKeys, useShortcuts } from "@/lib/hooks";
import { Empty, Tag } from "@/ui/bits";
import { Code } from "@/ui/Copy";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { usePortion } from "@/ui/portion";
import { WriteButton } from "@/ui/WriteButton";
import { foldersOf, isIn, labelsOf } from "./folders";
import { NewPromptDialog } from "./NewPromptDialog";
import css from "./prompts.module.css";

const FROM = "/inside/p/$project/prompts";

/** "Which prompts are there, what is live, and who changed what last?" */
export function PromptsPage() {
  const { project } = useParams({ from: FROM });
  const search = useSearch({ from: FROM });
  const navigate = useNavigate({ from: "/p/$project/prompts" });
  const [text, setText] = useState(search.q ?? "");
  const [q] = useDebouncedValue(text.trim(), 250);
  const archived = search.archived === "1";
  const prompts = useQuery(promptsQuery(project, q, archived));
  const field = useRef<HTMLInputElement>(null);
  useShortcuts({ "/": () => field.current?.focus() });
  useEffect(() => {
    if ((search.q ?? "") !== q) void navigate({ search: (was) => ({ ...was, q: q || undefined }), replace: true });
  }, [q, search.q, navigate]);
  const all = prompts.data ?? [];
  const shown = all.filter(
    (each) =>
      isIn(each, search.folder ?? "") && (!search.label || each.labels.some(({ label }) => label === search.label)),
  );
  const portion = usePortion(shown, [q, archived, search.folder, search.label].join("\n"));
  const narrowed = q !== "" || archived || Boolean(search.folder) || Boolean(search.label);
  return (
    <Page
      title="Prompts"
      lead="A prompt is a file in your repository and an object here: the same text, the same hash."
      actions={
        <WriteButton
          needs="prompt:write"
          size="sm"
          leftSection={<Plus size={15} />}
          onClick={() => void navigate({ search: (was) => ({ ...was, new: "1" }) })}
        >
          New prompt
        </WriteButton>
      }
    >
      <Pending of={prompts} height={220} />
      {prompts.data && all.length === 0 && !narrowed ? (
        <Teach />
      ) : (
        <div className={css.list}>
          <Facets prompts={all} />
          <div className={css.main}>
            <div className={css.bar}>
              <TextInput
                ref={field}
                className={css.search}
                aria-label="Search prompts"
                placeholder="Search names, descriptions, variables and texts"
                leftSection={<Search size={14} />}
                value={text}
                onChange={(event) => setText(event.currentTarget.value)}
              />
              <Switch
                label="Archived"
                checked={archived}
                onChange={(event) => {
                  const next = event.currentTarget.checked ? "1" : undefined;
                  void navigate({ search: (was) => ({ ...was, archived: next }) });
                }}
              />
              <span className="muted num" role="status">
                {prompts.data ? plural(shown.length, "prompt") : ""}
              </span>
            </div>
            {prompts.data && <Rows project={project} prompts={portion.rows} />}
            {portion.left > 0 && (
              <Button variant="default" mt={12} onClick={portion.more}>
                Show more ({formatInt(portion.left)} left)
              </Button>
            )}
            {prompts.data && shown.length === 0 && <p className={css.none}>No prompt here is like that.</p>}
          </div>
        </div>
      )}
      {search.new && (
        <NewPromptDialog
          project={project}
          folder={search.folder ?? ""}
          onClose={() => void navigate({ search: (was) => ({ ...was, new: undefined }) })}
        />
      )}
    </Page>
  );
}

function Facets({ prompts }: { prompts: PromptView[] }) {
  const search = useSearch({ from: FROM });
  const folders = foldersOf(prompts);
  const labels = labelsOf(prompts);
  if (folders.length === 0 && labels.length === 0) return null;
  return (
    <nav className={css.facets} aria-label="Folders and labels">
      {folders.length > 0 && (
        <>
          <h2>Folders</h2>
          <FacetLink change={{ folder: undefined }} current={!search.folder} name="all" count={prompts.length} />
        </>
      )}
      {folders.map((each) => (
        <FacetLink
          key={each.path}
          change={{ folder: each.path }}
          current={search.folder === each.path}
          name={each.name}
          count={each.count}
          depth={each.depth}
          icon={<FolderIcon size={13} aria-hidden="true" />}
        />
      ))}
      {labels.length > 0 && <h2>Labels</h2>}
      {labels.map(([label, count]) => (
        <FacetLink
          key={label}
          change={{ label: search.label === label ? undefined : label }}
          current={search.label === label}
          name={label}
          count={count}
          icon={<TagIcon size={13} aria-hidden="true" />}
        />
      ))}
    </nav>
  );
}

interface FacetProps {
  change: { folder?: string } | { label?: string };
  current: boolean;
  name: string;
  count: number;
  depth?: number;
  icon?: React.ReactNode;
}

function FacetLink({ change, current, name, count, depth = 0, icon }: FacetProps) {
  return (
    <Link
      from="/p/$project/prompts"
      to="/p/$project/prompts"
      search={(was) => ({ ...was, ...change })}
      className={css.facet}
      activeOptions={{ exact: true, includeSearch: true }}
      style={{ paddingLeft: 8 + depth * 14 }}
      aria-current={current || undefined}
    >
      {icon}
      <span className="ellipsis">{name}</span>
      <span className={`num ${css.count}`}>{count}</span>
    </Link>
  );
}

function Rows({ project, prompts }: { project: string; prompts: PromptView[] }) {
  const now = Date.now();
  const list = useRef<HTMLUListElement>(null);
  const move = (event: KeyboardEvent | globalThis.KeyboardEvent) => {
    const links = [...(list.current?.querySelectorAll<HTMLElement>("a[data-prompt]") ?? [])];
    const at = links.indexOf(document.activeElement as HTMLElement);
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    const next = event.key === "Home" ? 0 : event.key === "End" ? links.length - 1 : step ? at + step : -1;
    const target = links[Math.min(Math.max(next, 0), links.length - 1)];
    if (!target || (!step && event.key !== "Home" && event.key !== "End")) return;
    event.preventDefault();
    target.focus();
  };
  useMainListKeys(LIST_KEYS, move);
  return (
    <ul className={css.rows} ref={list} onKeyDown={move} aria-label="Prompts">
      {prompts.map((each) => (
        <li key={each.name}>
          <Link
            to="/p/$project/prompts/$name"
            params={{ project, name: each.name }}
            className={css.row}
            data-prompt={each.name}
          >
            <span className={css.name}>
              {each.folder && <span className="muted">{each.folder}/</span>}
              <strong>{each.name}</strong>
              {each.archived !== null && <Tag>archived</Tag>}
            </span>
            <span className={css.labels}>
              {each.labels.map((label) => (
                <Tag key={label.label} tone="accent">
                  {label.label} v{label.version}
                </Tag>
              ))}
            </span>
            <span className={`${css.message} ellipsis`}>{each.message}</span>
            <span className={`num ${css.when}`} title={formatDateTime(each.changed)}>
              v{each.newest} · {each.author} · {formatAgo(each.changed, now)}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

export const EXAMPLE = `---
name: support
description: Answers a customer's question.
variables:
  customer: {type: string, description: Whom we talk to, examples: [Ada]}
  tone: {type: string, default: friendly, enum: [friendly, formal]}
parameters: {temperature: 0.2}
policy: {refund_limit: 50}
---
@system
Be {{ tone }}. Refunds up to {{ policy.refund_limit }} need nobody's leave.

@user
I am {{ customer }}.
`;

function Teach() {
  return (
    <Empty title="No prompt yet">
      <p>
        Words that steer a model belong in one place, with versions, a diff, and a label that says which one is live.
        Make one here with <strong>New prompt</strong> (it also reads prompty, dotprompt and Langfuse's), or keep it as
        a file beside your code:
      </p>
      <Code text={EXAMPLE} label="Copy the file" />
      <p style={{ marginTop: 14 }}>Save it as prompts/support.prompt.md, and push:</p>
      <Code
        text={'trimtab prompts push prompts/ -m "First version"\ntrimtab prompts label support production 1'}
        label="Copy the commands"
      />
    </Empty>
  );
}
