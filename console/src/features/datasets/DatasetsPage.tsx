import { Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { datasetsKey, datasetsQuery, putDataset } from "@/api/datasets";
import type { DatasetView } from "@/api/evaluationTypes";
import { formatAgo, formatDateTime, formatInt } from "@/lib/format";
import { badName } from "@/lib/name";
import { Empty, Panel } from "@/ui/bits";
import { Code } from "@/ui/Copy";
import { type Column, DataTable } from "@/ui/DataTable";
import { FormDialog } from "@/ui/FormDialog";
import { ListActions } from "@/ui/ListActions";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";

const FIRST = `trimtab datasets from-traces support -q "app:support" --limit 50
trimtab datasets import support cases.csv`;

/** "Which cases do we hold answers against?" */
export function DatasetsPage() {
  const { project } = useParams({ from: "/inside/p/$project/datasets" });
  const search = useSearch({ from: "/inside/p/$project/datasets" });
  const navigate = useNavigate({ from: "/p/$project/datasets" });
  const archived = search.archived === "1";
  const found = useQuery(datasetsQuery(project, archived));
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  return (
    <Page
      title="Datasets"
      lead="Cases with what a good answer is: versions never change, and each case says where it came from."
      actions={
        <ListActions
          archived={archived}
          onArchived={(archived) => patch({ archived })}
          make="New dataset"
          needs="dataset:write"
          onMake={() => patch({ new: "1" })}
        />
      }
    >
      <Pending of={found} height={220} />
      {found.data?.length === 0 &&
        (archived ? <Empty title="Nothing is archived">{null}</Empty> : <First project={project} />)}
      {found.data && found.data.length > 0 && (
        <Panel>
          <DataTable
            label="Datasets"
            columns={columns(project)}
            rows={found.data}
            rowKey={(row) => row.name}
            sort={search.sort}
            onSort={(sort) => patch({ sort })}
          />
        </Panel>
      )}
      {search.new && <NewDataset project={project} onClose={() => patch({ new: undefined })} />}
    </Page>
  );
}

function First({ project }: { project: string }) {
  return (
    <Empty title="No dataset yet">
      <p>
        Twenty to fifty real questions tell more than a thousand invented ones. Look through the{" "}
        <Link to="/p/$project/traces" params={{ project }}>
          traces
        </Link>{" "}
        and press “Add to dataset” on those that matter, take a file (CSV, JSONL or Parquet), or write the first cases
        by hand. From a terminal:
      </p>
      <Code text={FIRST} />
    </Empty>
  );
}

function columns(project: string): Column<DatasetView>[] {
  const now = Date.now();
  return [
    {
      id: "name",
      label: "dataset",
      value: (row) => row.name,
      cell: (row) => (
        <Link to="/p/$project/datasets/$dataset" params={{ project, dataset: row.name }} search={{}}>
          {row.name}
        </Link>
      ),
    },
    { id: "about", label: "what it is", cell: (row) => row.description || <span className="muted">–</span> },
    {
      id: "version",
      label: "version",
      align: "right",
      value: (row) => row.newest,
      cell: (row) => (row.newest === 0 ? <span className="muted">none yet</span> : row.newest),
    },
    {
      id: "cases",
      label: "cases",
      align: "right",
      value: (row) => row.cases,
      cell: (row) => formatInt(row.cases),
    },
    { id: "licence", label: "licence", cell: (row) => row.licence || <span className="muted">not said</span> },
    {
      id: "updated",
      label: "changed",
      align: "right",
      value: (row) => row.updated,
      cell: (row) => <span title={formatDateTime(row.updated)}>{formatAgo(row.updated, now)}</span>,
    },
  ];
}

function NewDataset({ project, onClose }: { project: string; onClose: () => void }) {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [licence, setLicence] = useState("");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const wrong = name === "" ? "" : badName(name);
  const make = useMutation({
    mutationFn: () =>
      putDataset(project, name, { description: description.trim(), licence: licence.trim(), expected_revision: 0 }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: datasetsKey(project) });
      await navigate({ to: "/p/$project/datasets/$dataset", params: { project, dataset: name }, search: {} });
    },
  });
  return (
    <FormDialog
      title="New dataset"
      action="Make it"
      off={!name || Boolean(wrong)}
      asking={make}
      onSubmit={() => make.mutate()}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        description="What suites name it by. It cannot be changed later."
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
      <TextInput
        label="Licence"
        description="Of cases that say none of their own."
        value={licence}
        onChange={(event) => setLicence(event.currentTarget.value)}
        spellCheck={false}
      />
    </FormDialog>
  );
}
