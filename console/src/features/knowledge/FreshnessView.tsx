import { useQuery } from "@tanstack/react-query";
import { type Corpus, type Freshness, freshnessQuery } from "@/api/knowledge";
import { formatAgo, formatDateTime, formatInt } from "@/lib/format";
import { Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { Notice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { PlainButton } from "@/ui/PlainButton";
import css from "./knowledge.module.css";
import { staleWords } from "./words";

interface Props {
  project: string;
  corpus: Corpus;
  onOpen: (document: string) => void;
}

/** "Is what we answer from still true?" How old the documents are, and which ones are too old. */
export function FreshnessView({ project, corpus, onOpen }: Props) {
  const found = useQuery(freshnessQuery(project, corpus.name));
  if (found.isError || !found.data) return <Pending of={found} height={220} />;
  const data = found.data;
  const now = Date.now();
  const age = (at: number | null) => (at === null ? "–" : formatAgo(at, now));
  return (
    <>
      <Notice tone={data.stale ? "warn" : "good"} title={staleWords(data)} />
      <Panel>
        <dl className={css.numbers}>
          {(
            [
              ["the oldest", age(data.oldest)],
              ["half are older than", age(data.median)],
              ["the newest", age(data.newest)],
              ["never compared with their source", formatInt(data.never_checked)],
              ["source has changed", formatInt(data.sources.changed ?? 0)],
              ["source is gone", formatInt(data.sources.gone ?? 0)],
            ] as const
          ).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        {data.worst.length > 0 && (
          <DataTable
            label="Documents to look at"
            columns={columns(now, onOpen)}
            rows={data.worst}
            rowKey={(row) => row.document}
          />
        )}
      </Panel>
    </>
  );
}

const SOURCES: Record<string, string> = {
  unknown: "not compared yet",
  same: "says the same",
  changed: "says something else now",
  gone: "is gone",
};

function columns(now: number, onOpen: (document: string) => void): Column<Freshness["worst"][number]>[] {
  return [
    { id: "document", label: "document", cell: (row) => <code>{row.document}</code> },
    {
      id: "updated",
      label: "updated",
      align: "right",
      cell: (row) => <span title={formatDateTime(row.updated)}>{formatAgo(row.updated, now)}</span>,
    },
    {
      id: "source",
      label: "its source",
      cell: (row) => (
        <Tag tone={row.source_state === "changed" || row.source_state === "gone" ? "warn" : undefined}>
          {SOURCES[row.source_state]}
        </Tag>
      ),
    },
    {
      id: "open",
      label: "",
      align: "right",
      cell: (row) => (
        <PlainButton label={`Open ${row.document}`} onClick={() => onOpen(row.document)}>
          Open
        </PlainButton>
      ),
    },
  ];
}
