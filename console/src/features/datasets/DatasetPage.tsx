import { Button, Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Download, FileUp, ListChecks, Plus } from "lucide-react";
import { API, inProject, withQuery } from "@/api/client";
import { datasetQuery } from "@/api/datasets";
import type { DatasetView } from "@/api/evaluationTypes";
import { formatInt, plural } from "@/lib/format";
import { Notice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { Tabs } from "@/ui/Tabs";
import { WriteButton } from "@/ui/WriteButton";
import { About } from "./About";
import { CaseEditor } from "./CaseEditor";
import { Cases } from "./Cases";
import { Changes } from "./Changes";
import { Duplicates } from "./Duplicates";
import { ImportDialog } from "./ImportDialog";
import { Proposals } from "./Proposals";

const ROUTE = "/inside/p/$project/datasets/$dataset";
const VIEWS = [
  { id: "cases", label: "Cases" },
  { id: "changes", label: "Versions" },
  { id: "duplicates", label: "Duplicates" },
  { id: "proposals", label: "Proposals" },
  { id: "about", label: "About" },
] as const;

/** "Which cases are in it, where are they from, and what changed?" */
export function DatasetPage() {
  const { project, dataset: name } = useParams({ from: ROUTE });
  const search = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: "/p/$project/datasets/$dataset" });
  const found = useQuery(datasetQuery(project, name));
  const dataset = found.data;
  const view = VIEWS.find((each) => each.id === search.view)?.id ?? "cases";
  const patch = (change: Partial<typeof search>, replace = false) =>
    void navigate({ search: (prev) => ({ ...prev, ...change }), replace });
  return (
    <Page
      title={name}
      lead={dataset && <Lead dataset={dataset} />}
      actions={dataset && <Actions project={project} dataset={dataset} version={search.version} onOpen={patch} />}
    >
      <Pending of={found} height={420} />
      {dataset && (
        <>
          {dataset.archived !== null && (
            <Notice tone="warn" title="It is archived">
              It takes no new cases. Suites that name it go on; take it out of the archive under “About”.
            </Notice>
          )}
          <Tabs
            label="Views"
            tabs={VIEWS}
            value={view}
            onChange={(id) =>
              void navigate({ search: { view: id === "cases" ? undefined : id, version: search.version } })
            }
          >
            {view === "cases" && (
              <Cases
                project={project}
                dataset={dataset}
                search={search}
                onSearch={patch}
                onImport={() => patch({ import: "1" })}
              />
            )}
            {view === "changes" && <Changes project={project} dataset={dataset} search={search} onSearch={patch} />}
            {view === "duplicates" && (
              <Duplicates
                project={project}
                dataset={dataset}
                onOpen={(id) => patch({ case: id, view: undefined, version: undefined })}
              />
            )}
            {view === "proposals" && <Proposals project={project} dataset={dataset} />}
            {view === "about" && <About project={project} dataset={dataset} />}
          </Tabs>
          {search.import && (
            <ImportDialog project={project} dataset={name} onClose={() => patch({ import: undefined })} />
          )}
          {search.new && (
            <CaseEditor
              project={project}
              dataset={dataset}
              given={{ split: search.split }}
              onClose={() => patch({ new: undefined })}
              onSaved={() => patch({ new: undefined, version: undefined })}
            />
          )}
        </>
      )}
    </Page>
  );
}

function Lead({ dataset }: { dataset: DatasetView }) {
  const counted =
    dataset.newest === 0 ? "no case yet" : `${plural(dataset.cases, "case")} in version ${formatInt(dataset.newest)}`;
  return (
    <>
      {dataset.description && `${dataset.description} · `}
      {counted}
    </>
  );
}

const FORMATS = [
  { format: "jsonl", label: "JSONL, every field" },
  { format: "csv", label: "CSV, for a spreadsheet" },
  { format: "parquet", label: "Parquet" },
  { format: "croissant", label: "Croissant: metadata about it" },
];

interface ActionsProps {
  project: string;
  dataset: DatasetView;
  version: string | undefined;
  onOpen: (change: { import?: string; new?: string }) => void;
}

function Actions({ project, dataset, version, onOpen }: ActionsProps) {
  const closed = dataset.archived !== null ? "It is archived." : undefined;
  const path = inProject(project, "datasets", dataset.name, "export");
  return (
    <>
      {dataset.newest > 0 && (
        <>
          <Button
            component={Link}
            to="/p/$project/suites"
            params={{ project } as never}
            search={{ new: "1", dataset: dataset.name } as never}
            variant="default"
            size="sm"
            leftSection={<ListChecks size={15} />}
          >
            Make a suite
          </Button>
          <Menu position="bottom-end" width={230}>
            <Menu.Target>
              <Button variant="default" size="sm" leftSection={<Download size={15} />}>
                Export
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Label>Version {version ?? dataset.newest}</Menu.Label>
              {FORMATS.map(({ format, label }) => (
                <Menu.Item key={format} component="a" href={`${API}${withQuery(path, { format, version })}`} download>
                  {label}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        </>
      )}
      <WriteButton
        needs="dataset:write"
        variant="default"
        size="sm"
        leftSection={<FileUp size={15} />}
        why={closed}
        onClick={() => onOpen({ import: "1" })}
      >
        Import a file
      </WriteButton>
      <WriteButton
        needs="dataset:write"
        size="sm"
        leftSection={<Plus size={15} />}
        why={closed}
        onClick={() => onOpen({ new: "1" })}
      >
        Add a case
      </WriteButton>
    </>
  );
}
