import { Button, Group, Modal, Skeleton, Switch, TextInput } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import {
  type Corpus,
  type CorpusDocument,
  deleteDocument,
  documentQuery,
  documentsQuery,
  knowledgeKey,
  restateDocument,
} from "@/api/knowledge";
import { formatAgo, formatDateTime, formatInt } from "@/lib/format";
import { Empty, Facts, Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { isConflict, meantBy } from "@/ui/conflict";
import { type Column, DataTable } from "@/ui/DataTable";
import { Refused } from "@/ui/Meanwhile";
import { ProblemNotice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import css from "./knowledge.module.css";
import { accessWords, readAccess } from "./words";

interface Props {
  project: string;
  corpus: Corpus;
  gone: boolean;
  open: string | undefined;
  onGone: (gone: boolean) => void;
  onOpen: (document: string | undefined) => void;
  onAdd: () => void;
}

/** What a corpus says now: the next version is made of it. */
export function Documents({ project, corpus, gone, open, onGone, onOpen, onAdd }: Props) {
  const found = useInfiniteQuery(documentsQuery(project, corpus.name, gone));
  const rows = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <div className={css.bar}>
        <Switch
          label="Those that were removed"
          checked={gone}
          onChange={(event) => onGone(event.currentTarget.checked)}
        />
      </div>
      <Pending of={found} height={220} />
      {found.data && rows.length === 0 && (
        <Empty title={gone ? "None was removed" : "No document yet"}>
          {!gone && (
            <>
              <p>Paste a text or choose files; then publish a version, which can be searched.</p>
              <WriteButton needs="knowledge:write" size="sm" onClick={onAdd}>
                Add documents
              </WriteButton>
            </>
          )}
        </Empty>
      )}
      {rows.length > 0 && (
        <Panel>
          <DataTable label="Documents" columns={columns(project, corpus.name)} rows={rows} rowKey={(row) => row.id} />
          {found.hasNextPage && (
            <div className={css.more}>
              <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
                Show more
              </Button>
            </div>
          )}
        </Panel>
      )}
      {open && <OneDocument project={project} corpus={corpus.name} id={open} onClose={() => onOpen(undefined)} />}
    </>
  );
}

function columns(project: string, corpus: string): Column<CorpusDocument>[] {
  const now = Date.now();
  return [
    {
      id: "title",
      label: "document",
      cell: (row) => (
        <>
          <Link
            to="/p/$project/knowledge/$corpus"
            params={{ project, corpus }}
            search={(prev) => ({ ...prev, document: row.id })}
          >
            {row.title || row.id}
          </Link>
          {row.title && row.title !== row.id && <div className="muted mono">{row.id}</div>}
        </>
      ),
    },
    { id: "source", label: "source", cell: (row) => row.source || <span className="muted">–</span> },
    {
      id: "access",
      label: "for",
      cell: (row) => (row.access.length === 0 ? <span className="muted">everybody</span> : accessWords(row.access)),
    },
    { id: "size", label: "characters", align: "right", cell: (row) => formatInt(row.size) },
    {
      id: "updated",
      label: "updated",
      align: "right",
      cell: (row) => (
        <span title={formatDateTime(row.updated)}>
          {row.erased !== null ? (
            <Tag tone="bad">erased</Tag>
          ) : row.removed !== null ? (
            <Tag>removed</Tag>
          ) : (
            <>
              {row.stale && <Tag tone="warn">stale</Tag>} {formatAgo(row.updated, now)}
            </>
          )}
        </span>
      ),
    },
  ];
}

interface OneProps {
  project: string;
  corpus: string;
  id: string;
  onClose: () => void;
}

/** One document: what it says, who may see it, and its end. */
function OneDocument({ project, corpus, id, onClose }: OneProps) {
  const found = useQuery(documentQuery(project, corpus, id));
  return (
    <Modal opened onClose={onClose} size="xl" title={<strong>{found.data?.document.title || id}</strong>}>
      {found.isError && <ProblemNotice error={found.error} />}
      {found.isPending && <Skeleton height={260} />}
      {found.data && (
        <div className={css.form}>
          <Facts
            rows={[
              ["Id", <code key="id">{found.data.document.id}</code>],
              ["Source", found.data.document.source],
              ["Updated", formatDateTime(found.data.document.updated)],
              ["Tells of", found.data.document.about.join(", ")],
            ]}
          />
          {found.data.text === null ? (
            <p className="muted">It was erased: what it said is nowhere any more.</p>
          ) : (
            <pre className={css.text} tabIndex={0} aria-label="What it says">
              {found.data.text}
            </pre>
          )}
          {found.data.document.erased === null && (
            <Acts key={found.data.document.id} {...{ project, corpus, onClose }} document={found.data.document} />
          )}
        </div>
      )}
    </Modal>
  );
}

function Acts({ project, corpus, document, onClose }: Omit<OneProps, "id"> & { document: CorpusDocument }) {
  // What was read when the first change was made: what somebody else said since is told, not written over.
  const [draft, setDraft] = useState<{ was: string[]; text: string } | null>(null);
  const { was, text: access } = draft ?? { was: document.access, text: document.access.join(", ") };
  const [ending, setEnding] = useState(false);
  const queries = useQueryClient();
  const read = readAccess(access);
  const done = () => queries.invalidateQueries({ queryKey: knowledgeKey(project) });
  const close = useMutation({
    mutationFn: () => restateDocument(project, corpus, document.id, { is: read.access, was }),
    onSuccess: async () => {
      await done();
      setDraft(null);
    },
    onError: async (error) => {
      if (isConflict(error)) await done();
    },
  });
  const meant = meantBy(
    close.error,
    {
      base: { form: { onlyFor: was }, revision: 0 },
      form: { onlyFor: read.access },
      now: { form: { onlyFor: document.access }, revision: 1 },
    },
    (_, mine) => {
      setDraft({ was: document.access, text: mine.onlyFor.join(", ") });
      close.reset();
    },
  );
  const end = useMutation({
    mutationFn: () => deleteDocument(project, corpus, document.id, false),
    onSuccess: async () => {
      await done();
      onClose();
    },
  });
  return (
    <>
      <TextInput
        label="Only for"
        description="In force at once, in every version. Empty: for everybody who may search."
        value={access}
        error={read.wrong}
        onChange={(event) => setDraft({ was, text: event.currentTarget.value })}
        spellCheck={false}
      />
      <Refused problem={close.error} meant={meant} />
      <Group justify="space-between" gap="xs">
        <WriteButton needs="knowledge:write" variant="default" color="red.8" size="sm" onClick={() => setEnding(true)}>
          Erase…
        </WriteButton>
        <WriteButton
          needs="knowledge:write"
          size="sm"
          loading={close.isPending}
          why={access === was.join(", ") ? "Nothing is changed." : read.wrong}
          onClick={() => close.mutate()}
        >
          Save who may see it
        </WriteButton>
      </Group>
      <Confirm
        opened={ending}
        title="Erase this document?"
        action="Erase it"
        busy={end.isPending}
        error={end.error}
        onConfirm={() => end.mutate()}
        onClose={() => setEnding(false)}
      >
        What it says is erased from every version, those that releases have frozen among them: no answer rests on it any
        more. It cannot be undone.
      </Confirm>
    </>
  );
}
