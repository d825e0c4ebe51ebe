import { Button, Select, Skeleton, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Search, Trash2 } from "lucide-react";
import { useEffect, useState } from "react";
import { caseQuery, casesQuery, changeCases, datasetsKey, datasetVersionsQuery } from "@/api/datasets";
import type { Case, DatasetView } from "@/api/evaluationTypes";
import { plural } from "@/lib/format";
import { useShortcuts } from "@/lib/hooks";
import { Empty, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { ProblemNotice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { VirtualList } from "@/ui/VirtualList";
import { WithPeek } from "@/ui/WithPeek";
import { WriteButton } from "@/ui/WriteButton";
import { CaseEditor } from "./CaseEditor";
import { CaseView } from "./CaseView";
import css from "./datasets.module.css";
import { inputLine, line, usesOf } from "./words";

export interface CaseSearch {
  version?: string;
  q?: string;
  split?: string;
  tag?: string;
  case?: string;
  edit?: string;
}

interface Props {
  project: string;
  dataset: DatasetView;
  search: CaseSearch;
  onSearch: (change: CaseSearch, replace?: boolean) => void;
  onImport: () => void;
}

/** The cases of a version, narrowed by words, split and tag; the selected one beside them. */
export function Cases({ project, dataset, search, onSearch, onImport }: Props) {
  const version = search.version ?? (dataset.newest > 0 ? String(dataset.newest) : "latest");
  const filter = { q: search.q, split: search.split, tag: search.tag };
  const found = useInfiniteQuery({
    ...casesQuery(project, dataset.name, version, filter),
    enabled: dataset.newest > 0,
  });
  const rows = found.data?.pages.flatMap((page) => page.items) ?? [];
  const selected = search.case ?? "";
  useShortcuts({ Escape: () => selected && onSearch({ case: undefined }) });
  if (dataset.newest === 0) return <NoCase onImport={onImport} />;
  const narrowed = Boolean(search.q || search.split || search.tag);
  return (
    <>
      <Filters project={project} dataset={dataset} version={version} search={search} onSearch={onSearch} />
      <Pending of={found} height={320} />
      {found.data && rows.length === 0 && (
        <Empty title={narrowed ? "No case fits" : "This version has no case"}>
          {narrowed && (
            <Button variant="default" onClick={() => onSearch({ q: undefined, split: undefined, tag: undefined })}>
              Show all
            </Button>
          )}
        </Empty>
      )}
      {rows.length > 0 && (
        <Peeked
          project={project}
          dataset={dataset}
          version={version}
          selected={selected}
          search={search}
          onSearch={onSearch}
        >
          <VirtualList
            label="Cases"
            rows={rows}
            rowKey={(row) => row.id}
            height={38}
            selected={selected}
            onSelect={(id) => onSearch({ case: id }, selected !== "")}
            onClose={() => onSearch({ case: undefined })}
            onEnd={found.hasNextPage && !found.isFetching ? () => void found.fetchNextPage() : undefined}
            foot={
              <span className="num" role="status">
                {plural(found.data?.pages[0]?.total ?? rows.length, "case")}
                {narrowed ? " fit" : ""}
              </span>
            }
          >
            {(row) => <CaseRow one={row} />}
          </VirtualList>
        </Peeked>
      )}
    </>
  );
}

function NoCase({ onImport }: { onImport: () => void }) {
  return (
    <Empty title="No case yet">
      <p>
        Add the first by hand, take a file, or open a trace that mattered and press “Add to dataset”: the question, the
        answer and its sources come along, and the case remembers the trace.
      </p>
      <WriteButton needs="dataset:write" variant="default" onClick={onImport}>
        Import a file
      </WriteButton>
    </Empty>
  );
}

function Filters({ project, dataset, version, search, onSearch }: Omit<Props, "onImport"> & { version: string }) {
  const versions = useQuery(datasetVersionsQuery(project, dataset.name));
  const [text, setText] = useState(search.q ?? "");
  const [settled] = useDebouncedValue(text, 250);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what was typed moves the address
  useEffect(() => {
    if (settled !== (search.q ?? "")) onSearch({ q: settled || undefined, case: undefined }, true);
  }, [settled]);
  const current = versions.data?.find((each) => String(each.number) === version);
  const splits = Object.keys(current?.splits ?? {}).filter(Boolean);
  return (
    <div className={css.filters}>
      <TextInput
        aria-label="Words in cases"
        placeholder="Words in questions and expectations"
        leftSection={<Search size={14} />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <Select
        aria-label="Split"
        w={150}
        data={[
          { value: "", label: "All splits" },
          ...splits.map((each) => ({ value: each, label: `${each} (${current?.splits[each] ?? 0})` })),
        ]}
        value={search.split ?? ""}
        allowDeselect={false}
        onChange={(split) => onSearch({ split: split || undefined, case: undefined })}
      />
      {search.tag && (
        <Button variant="default" onClick={() => onSearch({ tag: undefined })}>
          tag {search.tag} ×
        </Button>
      )}
      <Select
        aria-label="Version"
        w={230}
        data={(versions.data ?? []).map((each) => ({
          value: String(each.number),
          label: `Version ${each.number}${each.number === dataset.newest ? ", newest" : ""}${each.message ? `: ${each.message}` : ""}`,
        }))}
        value={version}
        allowDeselect={false}
        onChange={(value) =>
          onSearch({ version: value === String(dataset.newest) ? undefined : (value ?? undefined), case: undefined })
        }
      />
    </div>
  );
}

function CaseRow({ one }: { one: Case }) {
  const uses = usesOf(one);
  return (
    <span className={css.caseRow}>
      <span className="ellipsis">{inputLine(one.input) || <em className="muted">(empty)</em>}</span>
      <span className={`ellipsis ${css.expected}`}>
        {one.expected == null ? <span className="muted">no expectation</span> : line(one.expected)}
      </span>
      <span className={css.caseTags}>
        {(one.tags ?? []).slice(0, 2).map((tag) => (
          <Tag key={tag}>{tag}</Tag>
        ))}
        {one.split && <Tag tone="accent">{one.split}</Tag>}
        {one.consent === "withdrawn" && <Tag tone="bad">consent withdrawn</Tag>}
        {!uses.includes("evaluate") && <Tag tone="warn">not to evaluate</Tag>}
      </span>
    </span>
  );
}

interface PeekedProps extends Omit<Props, "onImport"> {
  version: string;
  selected: string;
  children: React.ReactNode;
}

function Peeked({ project, dataset, version, selected, search, onSearch, children }: PeekedProps) {
  const found = useQuery({ ...caseQuery(project, dataset.name, version, selected), enabled: selected !== "" });
  const [removing, setRemoving] = useState(false);
  const old = version !== String(dataset.newest);
  const why =
    dataset.archived !== null
      ? "The dataset is archived."
      : old
        ? "Versions never change: choose the newest."
        : undefined;
  return (
    <>
      <WithPeek
        label="The selected case"
        title={selected}
        onClose={() => onSearch({ case: undefined })}
        actions={
          <>
            <WriteButton
              needs="dataset:write"
              variant="default"
              leftSection={<Pencil size={13} />}
              why={why}
              onClick={() => onSearch({ edit: "1" })}
            >
              Edit
            </WriteButton>
            <WriteButton
              needs="dataset:write"
              variant="default"
              leftSection={<Trash2 size={13} />}
              why={why}
              onClick={() => setRemoving(true)}
            >
              Remove…
            </WriteButton>
          </>
        }
        peek={
          selected === "" ? null : found.isLoadingError ? (
            <ProblemNotice error={found.error} retry={() => void found.refetch()} />
          ) : found.data ? (
            <CaseView project={project} one={found.data} />
          ) : (
            <Skeleton height={200} />
          )
        }
      >
        {children}
      </WithPeek>
      {search.edit && (
        <Edited
          key={selected}
          project={project}
          dataset={dataset}
          one={why ? undefined : found.data}
          onClose={() => onSearch({ edit: undefined })}
          onSaved={() => onSearch({ edit: undefined, version: undefined })}
        />
      )}
      <RemoveCase
        project={project}
        dataset={dataset}
        id={removing ? selected : ""}
        onClose={() => setRemoving(false)}
        onRemoved={() => onSearch({ case: undefined, version: undefined })}
      />
    </>
  );
}

interface EditedProps {
  project: string;
  dataset: DatasetView;
  /** Nothing while it is asked for, and where it cannot be edited. */
  one: Case | undefined;
  onClose: () => void;
  onSaved: () => void;
}

/** Once it is open it stays so: a version that somebody else makes meanwhile takes nobody's words away. */
function Edited({ project, dataset, one, onClose, onSaved }: EditedProps) {
  const [opened, setOpened] = useState(one);
  if (!opened && one) setOpened(one);
  if (!opened) return null;
  return <CaseEditor project={project} dataset={dataset} given={opened} onClose={onClose} onSaved={onSaved} />;
}

interface RemoveProps {
  project: string;
  dataset: DatasetView;
  id: string;
  onClose: () => void;
  onRemoved: () => void;
}

function RemoveCase({ project, dataset, id, onClose, onRemoved }: RemoveProps) {
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () =>
      changeCases(project, dataset.name, {
        remove: [id],
        expected_revision: dataset.revision,
        message: `Remove ${id}`,
      }),
    onSuccess: async () => {
      onClose();
      onRemoved();
      await queries.invalidateQueries({ queryKey: datasetsKey(project) });
    },
  });
  return (
    <Confirm
      opened={id !== ""}
      title="Remove this case?"
      action="Remove it"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      The next version is without it. Older versions keep it, and so do the experiments made on them.
    </Confirm>
  );
}
