import { Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { type Corpus, corporaQuery, knowledgeKey, putCorpus } from "@/api/knowledge";
import { formatAgo, formatDateTime, formatInt } from "@/lib/format";
import { badName } from "@/lib/name";
import { Empty, Panel } from "@/ui/bits";
import { Code } from "@/ui/Copy";
import { type Column, DataTable } from "@/ui/DataTable";
import { FormDialog } from "@/ui/FormDialog";
import { ListActions } from "@/ui/ListActions";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { accessWords, searchable } from "./words";

const FIRST = `trimtab knowledge create handbook
trimtab knowledge add handbook docs/*.md
trimtab knowledge search handbook "How do returns work?"`;
const ROUTE = "/inside/p/$project/knowledge";

/** "What can our apps look up, and who may see it?" */
export function KnowledgePage() {
  const { project } = useParams({ from: ROUTE });
  const search = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: "/p/$project/knowledge" });
  const archived = search.archived === "1";
  const found = useQuery(corporaQuery(project, archived));
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  return (
    <Page
      title="Knowledge"
      lead="Corpora that apps look things up in: documents, who may see each, and versions that releases freeze."
      actions={
        <ListActions
          archived={archived}
          onArchived={(archived) => patch({ archived })}
          make="New corpus"
          needs="knowledge:write"
          onMake={() => patch({ new: "1" })}
        />
      }
    >
      <Pending of={found} height={220} />
      {found.data?.length === 0 && (archived ? <Empty title="Nothing is archived">{null}</Empty> : <First />)}
      {found.data && found.data.length > 0 && (
        <Panel>
          <DataTable
            label="Corpora"
            columns={columns(project)}
            rows={found.data}
            rowKey={(row) => row.name}
            sort={search.sort}
            onSort={(sort) => patch({ sort })}
          />
        </Panel>
      )}
      {search.new && <NewCorpus project={project} onClose={() => patch({ new: undefined })} />}
    </Page>
  );
}

function First() {
  return (
    <Empty title="No corpus yet">
      <p>
        Make one, paste or choose documents, and publish a version: it is cut into passages and can be searched. Then
        name it in an app's draft, under “Knowledge”: the next release answers from it, and says from what. From a
        terminal:
      </p>
      <Code text={FIRST} />
    </Empty>
  );
}

function columns(project: string): Column<Corpus>[] {
  const now = Date.now();
  return [
    {
      id: "name",
      label: "corpus",
      value: (row) => row.name,
      cell: (row) => (
        <Link to="/p/$project/knowledge/$corpus" params={{ project, corpus: row.name }} search={{}}>
          {row.name}
        </Link>
      ),
    },
    { id: "about", label: "what it is", cell: (row) => row.description || <span className="muted">–</span> },
    {
      id: "documents",
      label: "documents",
      align: "right",
      value: (row) => row.documents,
      cell: (row) => formatInt(row.documents),
    },
    {
      id: "ready",
      label: "searched",
      value: (row) => row.ready,
      cell: (row) => (row.ready === 0 ? <span className="muted">{searchable(row)}</span> : searchable(row)),
    },
    { id: "access", label: "for", cell: (row) => accessWords(row.access) },
    {
      id: "updated",
      label: "changed",
      align: "right",
      value: (row) => row.updated,
      cell: (row) => <span title={formatDateTime(row.updated)}>{formatAgo(row.updated, now)}</span>,
    },
  ];
}

function NewCorpus({ project, onClose }: { project: string; onClose: () => void }) {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const wrong = name === "" ? "" : badName(name);
  const make = useMutation({
    mutationFn: () => putCorpus(project, name, { description: description.trim(), expected_revision: 0 }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: knowledgeKey(project) });
      await navigate({
        to: "/p/$project/knowledge/$corpus",
        params: { project, corpus: name },
        search: { new: "1" },
      });
    },
  });
  return (
    <FormDialog
      title="New corpus"
      action="Make it"
      off={!name || Boolean(wrong)}
      asking={make}
      onSubmit={() => make.mutate()}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        description="What apps name it by. It cannot be changed later."
        value={name}
        error={wrong}
        onChange={(event) => setName(event.currentTarget.value)}
        spellCheck={false}
        data-autofocus
      />
      <Textarea
        label="What it is"
        autosize
        minRows={2}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
