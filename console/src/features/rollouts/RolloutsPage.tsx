import { Button, SegmentedControl } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { X } from "lucide-react";
import { rolloutsQuery } from "@/api/releases";
import type { RolloutView } from "@/api/releaseTypes";
import { formatAgo, formatDateTime } from "@/lib/format";
import { Empty, Panel } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { shareWords } from "../apps/Where";
import { RolloutState } from "./State";
import { KINDS, kindOf } from "./words";

/** "What is on its way, and how did earlier ones end?" */
export function RolloutsPage() {
  const { project } = useParams({ from: "/inside/p/$project/rollouts" });
  const search = useSearch({ from: "/inside/p/$project/rollouts" });
  const navigate = useNavigate({ from: "/p/$project/rollouts" });
  const state = search.state === "open" ? "open" : "";
  const found = useInfiniteQuery(rolloutsQuery(project, { app: search.app, environment: search.environment, state }));
  const rows = found.data?.pages.flatMap((page) => page.items) ?? [];
  const now = Date.now();
  const columns: Column<RolloutView>[] = [
    {
      id: "what",
      label: "rollout",
      cell: (row) => (
        <Link to="/p/$project/rollouts/$rollout" params={{ project, rollout: row.id }} style={{ whiteSpace: "nowrap" }}>
          {row.app} {row.stable === null ? "" : `r${row.stable} → `}r{row.candidate}
        </Link>
      ),
    },
    { id: "environment", label: "in", cell: (row) => row.environment },
    { id: "kind", label: "how", cell: (row) => <span className="num">{KINDS[kindOf(row.plan)].label}</span> },
    { id: "state", label: "state", cell: (row) => <RolloutState state={row.state} /> },
    {
      id: "share",
      label: "share",
      align: "right",
      cell: (row) => (row.ended === null ? shareWords(row) : "–"),
    },
    {
      id: "reason",
      label: "why",
      // On a phone the table scrolls sideways; squeezed to a word a line, the sentence would make rows of half a screen.
      cell: (row) =>
        row.reason ? (
          <span style={{ display: "inline-block", minWidth: 220 }}>{row.reason}</span>
        ) : (
          <span className="muted">–</span>
        ),
    },
    {
      id: "started",
      label: "begun",
      align: "right",
      cell: (row) => <span title={formatDateTime(row.started)}>{formatAgo(row.started, now)}</span>,
    },
    { id: "author", label: "by", cell: (row) => row.author_name },
  ];
  return (
    <Page
      title="Rollouts"
      lead="How environments move from one release to the next, and why some went back."
      actions={
        <>
          {(search.app || search.environment) && (
            <Button
              variant="default"
              rightSection={<X size={13} />}
              onClick={() => void navigate({ search: (prev) => ({ ...prev, app: undefined, environment: undefined }) })}
            >
              Only {[search.app, search.environment].filter(Boolean).join(" in ")}
            </Button>
          )}
          <SegmentedControl
            size="xs"
            aria-label="Which rollouts"
            data={[
              { value: "", label: "All" },
              { value: "open", label: "Open" },
            ]}
            value={state}
            onChange={(value) => void navigate({ search: (prev) => ({ ...prev, state: value || undefined }) })}
          />
        </>
      }
    >
      <Pending of={found} height={220} />
      {found.data && rows.length === 0 && (
        <Empty title={state ? "Nothing is on its way" : "No rollout yet"}>
          <p>
            Promote a release from its{" "}
            <Link to="/p/$project/apps" params={{ project }}>
              app
            </Link>
            : at once, by a canary that goes on or back by what it finds, as an A/B test, in the shadow of what runs, or
            for some users first.
          </p>
        </Empty>
      )}
      {rows.length > 0 && (
        <Panel>
          <DataTable label="Rollouts" columns={columns} rows={rows} rowKey={(row) => row.id} />
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
