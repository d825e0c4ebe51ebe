import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { type Corpus, corpusQuery, knowledgeKey, putCorpus } from "@/api/knowledge";
import { plural } from "@/lib/format";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { Tabs } from "@/ui/Tabs";
import { WriteButton } from "@/ui/WriteButton";
import { AddDocuments } from "./AddDocuments";
import { CorpusSettings } from "./CorpusSettings";
import { Documents } from "./Documents";
import { FreshnessView } from "./FreshnessView";
import { SearchBench } from "./SearchBench";
import { Versions } from "./Versions";
import { searchable } from "./words";

const ROUTE = "/inside/p/$project/knowledge/$corpus";
const VIEWS = [
  { id: "documents", label: "Documents" },
  { id: "search", label: "Search" },
  { id: "versions", label: "Versions" },
  { id: "freshness", label: "Freshness" },
  { id: "settings", label: "Settings" },
] as const;

/** "What is in it, is it found, and is it still true?" */
export function CorpusPage() {
  const { project, corpus: name } = useParams({ from: ROUTE });
  const search = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: "/p/$project/knowledge/$corpus" });
  const found = useQuery(corpusQuery(project, name));
  const corpus = found.data;
  const view = VIEWS.find((each) => each.id === search.view)?.id ?? "documents";
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  return (
    <Page
      title={name}
      lead={corpus && <Lead corpus={corpus} />}
      actions={
        corpus && (
          <>
            <Archive project={project} corpus={corpus} />
            <WriteButton
              needs="knowledge:write"
              size="sm"
              leftSection={<Plus size={15} />}
              why={corpus.archived === null ? undefined : "It is archived."}
              onClick={() => patch({ new: "1" })}
            >
              Add documents
            </WriteButton>
          </>
        )
      }
    >
      <Pending of={found} height={420} />
      {corpus && (
        <>
          {corpus.archived !== null && (
            <Notice tone="warn" title="It is archived">
              It takes no documents and no new version. Releases that name a version of it go on.
            </Notice>
          )}
          <Tabs
            label="Views"
            tabs={VIEWS}
            value={view}
            onChange={(id) => void navigate({ search: { view: id === "documents" ? undefined : id } })}
          >
            {view === "documents" && (
              <Documents
                project={project}
                corpus={corpus}
                gone={search.gone === "1"}
                open={search.document}
                onGone={(gone) => patch({ gone: gone ? "1" : undefined })}
                onOpen={(document) => patch({ document })}
                onAdd={() => patch({ new: "1" })}
              />
            )}
            {view === "search" && (
              <SearchBench
                project={project}
                corpus={corpus}
                search={search}
                onSearch={patch}
                onOpen={(document) => patch({ view: undefined, document })}
              />
            )}
            {view === "versions" && <Versions project={project} corpus={corpus} />}
            {view === "settings" && <CorpusSettings project={project} corpus={corpus} />}
            {view === "freshness" && (
              <FreshnessView
                project={project}
                corpus={corpus}
                onOpen={(document) => patch({ view: undefined, document })}
              />
            )}
          </Tabs>
          {search.new && <AddDocuments project={project} corpus={name} onClose={() => patch({ new: undefined })} />}
        </>
      )}
    </Page>
  );
}

function Lead({ corpus }: { corpus: Corpus }) {
  return (
    <>
      {corpus.description && `${corpus.description} · `}
      {plural(corpus.documents, "document")} · searched: {searchable(corpus)}
    </>
  );
}

function Archive({ project, corpus }: { project: string; corpus: Corpus }) {
  const queries = useQueryClient();
  const move = useMutation({
    mutationFn: () => putCorpus(project, corpus.name, { archived: corpus.archived === null }),
    onSuccess: () => queries.invalidateQueries({ queryKey: knowledgeKey(project) }),
  });
  return (
    <>
      {move.isError && <ProblemNotice error={move.error} />}
      <WriteButton
        needs="knowledge:write"
        variant="default"
        size="sm"
        loading={move.isPending}
        onClick={() => move.mutate()}
      >
        {corpus.archived === null ? "Archive" : "Take out of the archive"}
      </WriteButton>
    </>
  );
}
