import { Progress } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import {
  type Corpus,
  type CorpusVersion,
  corpusVersionsQuery,
  isBuilding,
  knowledgeKey,
  publishCorpus,
} from "@/api/knowledge";
import { formatAgo, formatDateTime, formatInt } from "@/lib/format";
import { Empty, Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import css from "./knowledge.module.css";
import { progressOf } from "./words";

/** What can be searched and frozen: each version as it is for good, and how far a new one is. */
export function Versions({ project, corpus }: { project: string; corpus: Corpus }) {
  const queries = useQueryClient();
  const found = useQuery(corpusVersionsQuery(project, corpus.name));
  const building = found.data?.some(isBuilding) ?? false;
  const publish = useMutation({
    mutationFn: () => publishCorpus(project, corpus.name, ""),
    onSuccess: () => queries.invalidateQueries({ queryKey: knowledgeKey(project) }),
  });
  useEffect(() => {
    // The corpus says which version is searched: it is asked again when one is ready.
    if (!building)
      void queries.invalidateQueries({ queryKey: [...knowledgeKey(project), "corpus", corpus.name, "one"] });
  }, [building, queries, project, corpus.name]);
  return (
    <>
      <div className={css.bar}>
        <WriteButton
          needs="knowledge:write"
          size="sm"
          loading={publish.isPending}
          why={corpus.archived === null ? undefined : "It is archived."}
          onClick={() => publish.mutate()}
        >
          Publish what the documents say now
        </WriteButton>
      </div>
      {publish.isError && <ProblemNotice error={publish.error} />}
      {publish.data?.created === false && (
        <Notice tone="good">Nothing has changed since version {publish.data.version.number}.</Notice>
      )}
      <Pending of={found} height={220} />
      {found.data?.length === 0 && (
        <Empty title="No version yet">
          <p>A version is what is searched: the documents as they are now, cut into passages. Releases name one.</p>
        </Empty>
      )}
      {found.data && found.data.length > 0 && (
        <Panel>
          <DataTable label="Versions" columns={COLUMNS} rows={found.data} rowKey={(row) => String(row.number)} />
        </Panel>
      )}
    </>
  );
}

const TONES = { ready: undefined, failed: "bad", queued: "warn", building: "accent" } as const;

const COLUMNS: Column<CorpusVersion>[] = [
  { id: "number", label: "version", cell: (row) => <strong>{row.number}</strong> },
  {
    id: "state",
    label: "state",
    cell: (row) => (
      <>
        <Tag tone={TONES[row.state]}>{row.state}</Tag> {progressOf(row)}
        {row.state === "building" && (
          <Progress
            mt={4}
            aria-label={`Version ${row.number} is being built`}
            value={row.documents === 0 ? 0 : (100 * row.done) / row.documents}
          />
        )}
      </>
    ),
  },
  { id: "documents", label: "documents", align: "right", cell: (row) => formatInt(row.documents) },
  {
    id: "cut",
    label: "made with",
    cell: (row) => `${row.chunker.kind ?? "headings"}, ${row.embedder.model ?? "local"}`,
  },
  { id: "message", label: "message", cell: (row) => row.message || <span className="muted">–</span> },
  { id: "author", label: "by", cell: (row) => row.author_name },
  {
    id: "created",
    label: "when",
    align: "right",
    cell: (row) => <span title={formatDateTime(row.created)}>{formatAgo(row.created, Date.now())}</span>,
  },
];
