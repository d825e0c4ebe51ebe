import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Swords } from "lucide-react";
import type { ExperimentView } from "@/api/evaluationTypes";
import { experimentsQuery, isRunning } from "@/api/experiments";
import { StateSign } from "@/features/experiments/State";
import { formatAgo, formatDateTime, formatInt, formatPercent } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Empty, Panel } from "@/ui/bits";
import { Code } from "@/ui/Copy";
import { type Column, DataTable } from "@/ui/DataTable";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { StartDrawer } from "./StartDrawer";

const SUITE = "redteam-*";

/** "What has been attacked, and what came of it?" */
export function RedteamPage() {
  const { project } = useParams({ from: "/inside/p/$project/red-team" });
  const search = useSearch({ from: "/inside/p/$project/red-team" });
  const navigate = useNavigate({ from: "/p/$project/red-team" });
  const found = useInfiniteQuery(experimentsQuery(project, { scorer: "attack" }));
  const rows = found.data?.pages.flatMap((page) => page.items) ?? [];
  const start = (
    <WriteButton
      needs="evaluation:write"
      size="sm"
      leftSection={<Swords size={15} />}
      onClick={() => void navigate({ search: (prev) => ({ ...prev, new: "1" }) })}
    >
      Attack a release…
    </WriteButton>
  );
  return (
    <Page
      title="Red team"
      lead="Attacks on what you ship, before strangers make them, told by OWASP's Top 10 for LLM applications."
      actions={start}
    >
      <Pending of={found} height={200} />
      {found.data && rows.length === 0 && !found.hasNextPage && (
        <Empty title="Nothing was attacked yet">
          <p>
            A run puts attacks of several families to a release, by the live path with its own guards, limits and
            budgets, and says how many broke through, with what certainty, and where nobody can tell. From here, or from
            a terminal or CI:
          </p>
          <Code text="trimtab redteam support@r12 --budget 2" />
        </Empty>
      )}
      {rows.length > 0 && (
        <Panel>
          <DataTable label={`Runs of ${SUITE}`} columns={columns(project)} rows={rows} rowKey={(row) => row.id} />
        </Panel>
      )}
      {found.hasNextPage && (
        <Button variant="default" mt={12} loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Show more
        </Button>
      )}
      {search.new && (
        <StartDrawer
          project={project}
          subjects={[search.a ?? "", search.b ?? ""]}
          onClose={() => void navigate({ search: {} })}
        />
      )}
    </Page>
  );
}

function columns(project: string): Column<ExperimentView>[] {
  const now = Date.now();
  return [
    {
      id: "subjects",
      label: "attacked",
      cell: (row) => (
        <Link to="/p/$project/red-team/$experiment" params={{ project, experiment: row.id }} search={{}}>
          <strong>{row.subjects.join(" and ")}</strong>
        </Link>
      ),
    },
    { id: "state", label: "state", cell: (row) => <StateSign state={row.state} /> },
    { id: "plan", label: "attacks of", cell: (row) => `${row.dataset}@${row.version}` },
    {
      id: "cells",
      label: "answers",
      align: "right",
      cell: (row) => (isRunning(row.state) ? formatPercent(row.done, row.cells) : formatInt(row.done)),
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
