import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { SuiteView } from "@/api/evaluationTypes";
import { suitesQuery } from "@/api/suites";
import { formatAgo, formatDateTime } from "@/lib/format";
import { Empty, Panel } from "@/ui/bits";
import { Code } from "@/ui/Copy";
import { type Column, DataTable } from "@/ui/DataTable";
import { ListActions } from "@/ui/ListActions";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { SuiteEditor } from "./SuiteEditor";
import { ruleWords } from "./words";

const FIRST = `# suites/support.yaml
dataset: support@latest
against: production
scorers:
  - scorer: exact
    margin: 0.05
  - scorer: refusal
    required: false

trimtab eval suites/support.yaml --release support@r2`;

/** A run of the red team names its suite so. */
const OF_RUN = /^redteam-[0-9a-f]{10}$/;

/** "What do we hold new releases against?" */
export function SuitesPage() {
  const { project } = useParams({ from: "/inside/p/$project/suites" });
  const search = useSearch({ from: "/inside/p/$project/suites" });
  const navigate = useNavigate({ from: "/p/$project/suites" });
  const archived = search.archived === "1";
  const found = useQuery(suitesQuery(project, archived));
  const made = (found.data ?? []).filter((each) => OF_RUN.test(each.name));
  const written = (found.data ?? []).filter((each) => !OF_RUN.test(each.name));
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  return (
    <Page
      title="Suites"
      lead="Which cases, judged by what, and what a release has to reach: what gates ask for."
      actions={
        <ListActions
          archived={archived}
          onArchived={(archived) => patch({ archived })}
          make="New suite"
          needs="evaluation:write"
          onMake={() => patch({ new: "1" })}
        />
      }
    >
      <Pending of={found} height={220} />
      {found.data?.length === 0 && !archived && (
        <Empty title="No suite yet">
          <p>
            A suite names a{" "}
            <Link to="/p/$project/datasets" params={{ project }}>
              dataset
            </Link>
            , the scorers that judge the answers, and what a release has to reach. Run it here before you promote
            something, or from a terminal or CI, where the exit code says whether it passed:
          </p>
          <Code text={FIRST} />
        </Empty>
      )}
      {found.data?.length === 0 && archived && <Empty title="Nothing is archived">{null}</Empty>}
      {written.length > 0 && (
        <Panel>
          <DataTable label="Suites" columns={columns(project)} rows={written} rowKey={(row) => row.name} />
        </Panel>
      )}
      {made.length > 0 && (
        <section aria-label="Of the red team">
          <p className="muted">
            Made by runs of the{" "}
            <Link to="/p/$project/red-team" params={{ project }} search={{}}>
              red team
            </Link>
            , which show what broke through. They are no gates, unless an environment asks for one.
          </p>
          <Panel>
            <DataTable label="Of the red team" columns={columns(project)} rows={made} rowKey={(row) => row.name} />
          </Panel>
        </section>
      )}
      {search.new && (
        <SuiteEditor
          project={project}
          suite={undefined}
          dataset={search.dataset}
          onClose={() => patch({ new: undefined, dataset: undefined })}
          onSaved={(suite) =>
            void navigate({ to: "/p/$project/suites/$suite", params: { project, suite }, search: {} })
          }
        />
      )}
    </Page>
  );
}

function columns(project: string): Column<SuiteView>[] {
  return [
    {
      id: "name",
      label: "suite",
      cell: (row) => (
        <Link to="/p/$project/suites/$suite" params={{ project, suite: row.name }}>
          {row.name}
        </Link>
      ),
    },
    { id: "about", label: "what it is for", cell: (row) => row.spec.description || <span className="muted">–</span> },
    { id: "dataset", label: "cases of", cell: (row) => row.spec.dataset },
    {
      id: "scorers",
      label: "scorers",
      cell: (row) => row.spec.scorers.map((each) => each.name || each.scorer).join(", "),
    },
    { id: "rule", label: "to pass", cell: (row) => ruleWords(row.spec) },
    {
      id: "updated",
      label: "changed",
      align: "right",
      cell: (row) => <span title={formatDateTime(row.updated)}>{formatAgo(row.updated, Date.now())}</span>,
    },
  ];
}
