import { Button, Select } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { batchesQuery } from "@/api/batches";
import type { BatchView, LimitView } from "@/api/types";
import { formatAgo, formatCompact, formatDateTime, formatInt } from "@/lib/format";
import { useAnchor } from "@/lib/hooks";
import { useKeyName } from "@/lib/keyName";
import { exactUsd, formatMoney } from "@/lib/money";
import { Empty, Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { amount } from "../limits/amounts";
import css from "./batches.module.css";
import { knownOf } from "./words";

const STATES = ["making", "open", "completed", "failed", "expired", "cancelled", "lost"];
const TONES: Record<string, "bad" | "warn" | "accent"> = {
  making: "warn",
  open: "accent",
  failed: "bad",
  lost: "bad",
  expired: "warn",
};

/** "What is still under way, what did it come to, and what is held for it?" */
export function BatchesPage() {
  const { project } = useParams({ from: "/inside/p/$project/batches" });
  const search = useSearch({ from: "/inside/p/$project/batches" });
  const navigate = useNavigate({ from: "/p/$project/batches" });
  const { now } = useAnchor(15_000);
  const state = STATES.find((each) => each === search.state) ?? "";
  const list = useInfiniteQuery(batchesQuery(project, state));
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const keyName = useKeyName(
    project,
    rows.map((row) => row.key_id),
  );
  return (
    <Page
      title="Batches"
      lead="Made through the gateway, and looked after until they are over: booked once, at the prices of batches."
      actions={
        <Select
          aria-label="State"
          w={150}
          data={[{ value: "", label: "Every state" }, ...STATES]}
          value={state}
          allowDeselect={false}
          onChange={(value) => void navigate({ search: { state: value || undefined } })}
        />
      }
    >
      <Pending of={list} height={240} />
      {list.data && rows.length === 0 && (
        <Empty title={state ? `No batch is ${state}` : "No batch yet"}>
          <p>
            {state
              ? "Choose another state."
              : "Whoever makes one with POST /v1/batches or /v1/messages/batches here finds it in this list, with what limits hold for it meanwhile."}
          </p>
        </Empty>
      )}
      {rows.length > 0 && (
        <Panel>
          <DataTable
            label="Batches"
            columns={columnsOf(project, now, keyName)}
            rows={rows}
            rowKey={(row) => row.request_id}
          />
        </Panel>
      )}
      {list.hasNextPage && (
        <Button variant="default" mt={12} loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          Show more
        </Button>
      )}
    </Page>
  );
}

function columnsOf(project: string, now: number, keyName: (id: string) => string): Column<BatchView>[] {
  return [
    {
      id: "batch",
      label: "batch",
      cell: (row) => (
        <>
          <Link
            className={css.id}
            to="/p/$project/traces/$traceId"
            params={{ project, traceId: row.trace_id }}
            title="The call that made it, and what it cost"
          >
            {row.id || "no id yet"}
          </Link>
          <span className={css.about}>{[row.endpoint, row.feature].filter(Boolean).join(" · ")}</span>
        </>
      ),
    },
    {
      id: "state",
      label: "state",
      cell: (row) => (
        <Tag tone={TONES[row.state]} title={row.status && `The provider says: ${row.status}`}>
          {row.state}
        </Tag>
      ),
    },
    { id: "provider", label: "provider", cell: (row) => row.provider },
    {
      id: "made",
      label: "made",
      cell: (row) => <span title={formatDateTime(row.made)}>{formatAgo(row.made, now)}</span>,
    },
    {
      id: "cost",
      label: "cost",
      align: "right",
      cell: (row) => <Cost batch={row} />,
    },
    {
      id: "held",
      label: "held by limits",
      cell: (row) =>
        row.held.length === 0 ? (
          <span className="muted">nothing</span>
        ) : (
          row.held.map((line) => (
            <div key={line.limit}>
              {amount(line.measure as LimitView["measure"], line.amount)}{" "}
              <Link to="/p/$project/limits" params={{ project }} search={{ find: line.limit }}>
                {line.limit}
              </Link>
            </div>
          ))
        ),
    },
    {
      id: "known",
      label: "what is known",
      cell: (row) => (
        <>
          {knownOf(row, now)}
          {row.why && <span className={`${css.about} ${css.bad}`}>{row.why}</span>}
        </>
      ),
    },
    {
      id: "key",
      label: "key",
      cell: (row) =>
        row.key_id ? (
          <Link to="/p/$project/costs" params={{ project }} search={{ q: `key:${row.key_id}` }} title="What it costs">
            {keyName(row.key_id)}
          </Link>
        ) : (
          <span className="muted">–</span>
        ),
    },
  ];
}

function Cost({ batch }: { batch: BatchView }) {
  const tokens = batch.tokens !== null && (
    <span className={css.about} title={`${formatInt(batch.tokens)} tokens`}>
      {formatCompact(batch.tokens)} tokens
    </span>
  );
  if (batch.settled === null) return <span className="muted">not yet</span>;
  return (
    <>
      {batch.cost === null ? (
        <span className="muted">{batch.tokens === null ? "unknown" : "no price"}</span>
      ) : (
        <span title={exactUsd(batch.cost)}>{formatMoney(batch.cost)}</span>
      )}
      {tokens}
    </>
  );
}
