import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { X } from "lucide-react";
import type { ExperimentView } from "@/api/evaluationTypes";
import { experimentsQuery, isRunning } from "@/api/experiments";
import { OutcomeSign } from "@/features/rollouts/Outcome";
import { formatAgo, formatDateTime, formatInt, formatPercent } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Empty, Panel, Tag } from "@/ui/bits";
import { Code } from "@/ui/Copy";
import { type Column, DataTable } from "@/ui/DataTable";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { StateSign } from "./State";

const FIRST = `# suites/support.yaml
dataset: support@latest
scorers:
  - scorer: exact
    at_least: 0.9
    margin: 0.05

trimtab eval suites/support.yaml --release support@r2 --against support@r1`;

/** "What was measured, and what came of it?" */
export function ExperimentsPage() {
  const { project } = useParams({ from: "/inside/p/$project/experiments" });
  const search = useSearch({ from: "/inside/p/$project/experiments" });
  const navigate = useNavigate({ from: "/p/$project/experiments" });
  const found = useInfiniteQuery(experimentsQuery(project, { suite: search.suite }));
  const rows = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title="Experiments"
      lead="Releases, prompts or models on the same cases, scored and compared."
      actions={
        search.suite && (
          <Button
            variant="default"
            rightSection={<X size={13} />}
            onClick={() => void navigate({ search: (prev) => ({ ...prev, suite: undefined }) })}
          >
            Only {search.suite}
          </Button>
        )
      }
    >
      <Pending of={found} height={220} />
      {found.data && rows.length === 0 && (
        <Empty title="No experiment yet">
          <p>
            An experiment puts every case of a{" "}
            <Link to="/p/$project/datasets" params={{ project }}>
              dataset
            </Link>{" "}
            to one release, or to two of them, scores the answers and says with intervals whether the new one is better,
            not worse or worse, or that the cases do not tell. Run a{" "}
            <Link to="/p/$project/suites" params={{ project }}>
              suite
            </Link>{" "}
            from here, or from a terminal or CI:
          </p>
          <Code text={FIRST} />
        </Empty>
      )}
      {rows.length > 0 && (
        <Panel>
          <DataTable label="Experiments" columns={columns(project)} rows={rows} rowKey={(row) => row.id} />
        </Panel>
      )}
      {found.hasNextPage && (
        <Button variant="default" mt={12} loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Show more
        </Button>
      )}
    </Page>
  );
}

export function columns(project: string): Column<ExperimentView>[] {
  const now = Date.now();
  return [
    {
      id: "suite",
      label: "suite",
      cell: (row) => (
        <Link to="/p/$project/experiments/$experiment" params={{ project, experiment: row.id }} search={{}}>
          {row.suite}
        </Link>
      ),
    },
    // Beside the name: on a phone the rest is scrolled to.
    { id: "outcome", label: "outcome", cell: (row) => <OutcomeCell row={row} /> },
    {
      id: "subjects",
      label: "what is compared",
      cell: (row) => <span className="num">{row.subjects.join(" ← ")}</span>,
    },
    { id: "dataset", label: "cases of", cell: (row) => `${row.dataset}@${row.version}` },
    {
      id: "cells",
      label: "answers",
      align: "right",
      cell: (row) => (
        <span title={row.failed > 0 ? `${formatInt(row.failed)} without an answer` : undefined}>
          {isRunning(row.state) ? formatPercent(row.done, row.cells) : formatInt(row.done)}
        </span>
      ),
    },
    { id: "cost", label: "cost", align: "right", cell: (row) => formatMoney(row.cost) },
    {
      id: "created",
      label: "begun",
      align: "right",
      cell: (row) => <span title={formatDateTime(row.created)}>{formatAgo(row.created, now)}</span>,
    },
    { id: "author", label: "by", cell: (row) => row.author_name },
  ];
}

function OutcomeCell({ row }: { row: ExperimentView }) {
  if (row.state !== "done" || !row.outcome) return <StateSign state={row.state} />;
  return (
    <span style={{ display: "inline-flex", gap: 8, alignItems: "center", whiteSpace: "nowrap" }}>
      <OutcomeSign outcome={row.outcome} />
      {row.passed === false && <Tag tone="bad">not passed</Tag>}
    </span>
  );
}
