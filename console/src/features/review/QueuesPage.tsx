import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Pencil } from "lucide-react";
import { queuesQuery } from "@/api/review";
import type { QueueView } from "@/api/reviewTypes";
import { formatAgo, formatDateTime, formatInt } from "@/lib/format";
import { Empty, Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { ListActions } from "@/ui/ListActions";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { Tabs } from "@/ui/Tabs";
import { People } from "./People";
import { PlaceQueue } from "./PlaceQueue";
import { QueueEditor } from "./QueueEditor";
import css from "./review.module.css";
import { ruleWords } from "./words";

const VIEWS = [
  { id: "queues", label: "Queues" },
  { id: "people", label: "Agreement and overrides" },
] as const;

/** "What waits for a person, and what do people make of it?" */
export function QueuesPage() {
  const { project } = useParams({ from: "/inside/p/$project/review" });
  const search = useSearch({ from: "/inside/p/$project/review" });
  const navigate = useNavigate({ from: "/p/$project/review" });
  const archived = search.archived === "1";
  const found = useQuery(queuesQuery(project, archived));
  const rows = archived ? found.data?.filter((each) => each.archived !== null) : found.data;
  const view = VIEWS.find((each) => each.id === search.view)?.id ?? "queues";
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const edited = rows?.find((each) => each.name === search.edit);
  return (
    <Page
      title="Review"
      lead="Risky and doubtful answers, looked at by people; what they say becomes scores, cases and the judges' measure."
      actions={
        <ListActions
          archived={archived}
          onArchived={(archived) => patch({ archived })}
          make="New queue"
          needs="review:manage"
          onMake={() => patch({ new: "1" })}
        />
      }
    >
      <Tabs
        label="Views"
        tabs={VIEWS}
        value={view}
        onChange={(id) => patch({ view: id === "queues" ? undefined : id })}
      >
        <Pending of={found} height={200} />
        {rows?.length === 0 && (archived ? <Empty title="Nothing is archived">{null}</Empty> : <First />)}
        {rows && rows.length > 0 && view === "queues" && (
          <Panel>
            <DataTable
              label="Queues"
              columns={columns(project, (edit) => patch({ edit }))}
              rows={rows}
              rowKey={(row) => row.name}
            />
          </Panel>
        )}
        {rows && rows.length > 0 && view === "people" && (
          <People project={project} queues={rows} search={search} onSearch={patch} />
        )}
      </Tabs>
      {(search.new || edited) && (
        <QueueEditor
          key={edited?.name ?? "new"}
          project={project}
          queue={edited}
          onClose={() => patch({ new: undefined, edit: undefined })}
        />
      )}
    </Page>
  );
}

function First() {
  return (
    <Empty title="No queue yet">
      <p>
        A queue asks people a few questions about answers, and rules send the answers that need it: what users
        complained about, what a judge scored low, where two judges differ, what a guard flagged, and a random share of
        all, without which nobody learns what the rules miss.
      </p>
      <p>
        People work it with the keyboard. Each verdict is a score; a correction becomes a case of a dataset with one
        key; and where a judge answers the same question, how far it agrees with people is known.
      </p>
    </Empty>
  );
}

function columns(project: string, onEdit: (name: string) => void): Column<QueueView>[] {
  const now = Date.now();
  return [
    {
      id: "name",
      label: "queue",
      cell: (row) => (
        <Link to="/p/$project/review/$queue" params={{ project, queue: row.name }} search={{}}>
          {row.name}
        </Link>
      ),
    },
    { id: "about", label: "what it is for", cell: (row) => row.spec.description || <span className="muted">–</span> },
    {
      id: "open",
      label: "waiting",
      align: "right",
      cell: (row) => <strong className="num">{formatInt(row.standing.open)}</strong>,
    },
    {
      id: "overdue",
      label: "late",
      align: "right",
      cell: (row) =>
        row.standing.overdue > 0 ? (
          <Tag tone="bad">{formatInt(row.standing.overdue)} late</Tag>
        ) : (
          <span className="muted">none</span>
        ),
    },
    {
      id: "oldest",
      label: "oldest",
      align: "right",
      cell: (row) =>
        row.standing.oldest === null ? (
          <span className="muted">–</span>
        ) : (
          <span title={formatDateTime(row.standing.oldest)}>{formatAgo(row.standing.oldest, now)}</span>
        ),
    },
    {
      id: "rules",
      label: "what sends answers here",
      cell: (row) =>
        (row.spec.rules ?? []).length === 0 ? (
          <span className="muted">nothing yet: only by hand</span>
        ) : (
          (row.spec.rules ?? []).map(ruleWords).join("; ")
        ),
    },
    {
      id: "edit",
      label: "",
      align: "right",
      cell: (row) => (
        <span className={css.rowActs}>
          <PlaceQueue project={project} queue={row} />
          {row.archived === null && (
            <Button
              variant="subtle"
              size="compact-xs"
              leftSection={<Pencil size={12} />}
              onClick={() => onEdit(row.name)}
              aria-label={`Edit ${row.name}`}
            >
              Edit
            </Button>
          )}
        </span>
      ),
    },
  ];
}
