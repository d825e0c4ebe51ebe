import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { deadLettersQuery } from "@/api/seen";
import type { DeadLetterView } from "@/api/types";
import { formatCompact, formatDateTime } from "@/lib/format";
import { Empty, Panel } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";

const COLUMNS: Column<DeadLetterView>[] = [
  { id: "at", label: "written", cell: (row) => <span className="num">{formatDateTime(row.at)}</span> },
  { id: "reason", label: "why it was set aside", cell: (row) => row.reason },
  { id: "request", label: "request", cell: (row) => <code>{row.request_id || "–"}</code> },
  { id: "bytes", label: "bytes", align: "right", cell: (row) => formatCompact(row.bytes) },
  { id: "where", label: "where", cell: (row) => <code>{`${row.segment}/${row.seq}`}</code> },
];

/** "What was received and could not be stored, and why?" */
export function LettersPage() {
  useParams({ from: "/inside/p/$project/dead-letters" });
  const letters = useQuery(deadLettersQuery());
  return (
    <Page title="Dead letters" lead="Records that could not be read or stored. They are kept, and in nobody's way.">
      {letters.error && <ProblemNotice error={letters.error} retry={() => void letters.refetch()} />}
      {letters.isPending && !letters.error && <Skeleton height={200} />}
      {letters.data?.length === 0 && (
        <Empty title="Nothing was set aside">
          <p>Everything that was received could be stored.</p>
        </Empty>
      )}
      {letters.data && letters.data.length > 0 && (
        <Panel>
          <DataTable
            label="Dead letters"
            columns={COLUMNS}
            rows={letters.data}
            rowKey={(row) => `${row.segment}/${row.seq}`}
          />
        </Panel>
      )}
    </Page>
  );
}
