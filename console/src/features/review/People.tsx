import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { agreementQuery, overridesQuery } from "@/api/review";
import type { CriterionAgreement, OverrideRow, QueueView } from "@/api/reviewTypes";
import { percent } from "@/features/rollouts/words";
import { formatInt, formatMs } from "@/lib/format";
import { Empty, Panel } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { Pending } from "@/ui/Pending";
import { SHARE, Whisker } from "@/ui/Whisker";
import css from "./review.module.css";

const print = (value: number | null) => (value === null ? "–" : percent(value));
const GROUPS = [
  { value: "app", label: "by app" },
  { value: "release", label: "by release" },
  { value: "queue", label: "by queue" },
  { value: "reviewer", label: "by reviewer" },
  { value: "rule", label: "by rule" },
];

interface Search {
  by?: string;
  queue?: string;
}

interface Props {
  project: string;
  queues: QueueView[];
  search: Search;
  onSearch: (change: Search) => void;
}

/** How often people change answers, and how far they agree with each other. */
export function People({ project, queues, search, onSearch }: Props) {
  const by = search.by ?? "app";
  const queue = search.queue ?? queues[0]?.name ?? "";
  return (
    <div className={css.form}>
      <section aria-label="Overrides">
        <div className={css.figures}>
          <h2 className={css.heading}>How often people change answers</h2>
          <Select
            size="xs"
            aria-label="Grouped"
            data={GROUPS}
            value={by}
            allowDeselect={false}
            onChange={(value) => onSearch({ by: value ?? undefined })}
          />
        </div>
        <Changed project={project} by={by} />
      </section>
      <section aria-label="Agreement">
        <div className={css.figures}>
          <h2 className={css.heading}>How far people agree</h2>
          <Select
            size="xs"
            aria-label="Queue"
            data={queues.map((each) => each.name)}
            value={queue}
            allowDeselect={false}
            onChange={(value) => onSearch({ queue: value ?? undefined })}
          />
        </div>
        <Agreed project={project} queue={queue} />
      </section>
    </div>
  );
}

function Changed({ project, by }: { project: string; by: string }) {
  const found = useQuery(overridesQuery(project, by));
  if (found.isError || !found.data) return <Pending of={found} height={140} />;
  const { all, audited, groups } = found.data;
  if (all.decided === 0)
    return (
      <Panel>
        <Empty title="Nothing was decided in the last 30 days">
          <p>The share of answers that people correct or reject is shown here, with its interval.</p>
        </Empty>
      </Panel>
    );
  const rows: OverrideRow[] = [{ ...all, group: "all" }, ...groups];
  const columns: Column<OverrideRow>[] = [
    { id: "group", label: "group", cell: (row) => <strong>{row.group || "(none)"}</strong> },
    {
      id: "rate",
      label: "changed by people",
      cell: (row) => (
        <Whisker
          name={row.group}
          value={row.rate.value}
          low={row.rate.low}
          high={row.rate.high}
          scale={SHARE}
          print={print}
          n={`n ${formatInt(row.rate.of)}`}
        />
      ),
    },
    { id: "corrected", label: "corrected", align: "right", cell: (row) => formatInt(row.corrected) },
    { id: "rejected", label: "rejected", align: "right", cell: (row) => formatInt(row.rejected) },
    { id: "late", label: "late", align: "right", cell: (row) => formatInt(row.late) },
    {
      id: "seconds",
      label: "a verdict takes",
      align: "right",
      cell: (row) => (row.seconds === null ? "–" : formatMs(1000 * row.seconds)),
    },
  ];
  return (
    <>
      <div className={css.audit}>
        <span>Of all answers, by random audit:</span>
        <Whisker
          name="Random audit"
          value={audited.value}
          low={audited.low}
          high={audited.high}
          scale={SHARE}
          print={print}
          n={`n ${formatInt(audited.of)}`}
        />
      </div>
      <p className="muted">
        Other rules send the doubtful ones, so the rates below say nothing of answers that nobody looked at.
      </p>
      <Panel>
        <DataTable label="Overrides" columns={columns} rows={rows} rowKey={(row) => row.group} />
      </Panel>
    </>
  );
}

function Agreed({ project, queue }: { project: string; queue: string }) {
  const found = useQuery(agreementQuery(project, queue));
  if (found.isError || !found.data) return <Pending of={found} height={140} />;
  const scale = { from: -0.2, to: 1 };
  const kappa = (value: number | null) => (value === null ? "–" : value.toFixed(2));
  const columns: Column<CriterionAgreement>[] = [
    { id: "name", label: "question", cell: (row) => <strong>{row.name === "review" ? "decision" : row.name}</strong> },
    { id: "items", label: "seen by two", align: "right", cell: (row) => formatInt(row.items) },
    { id: "alike", label: "said the same", align: "right", cell: (row) => print(row.alike) },
    {
      id: "cohen",
      label: "Cohen's kappa",
      cell: (row) => (
        <Whisker
          name={`${row.name}, Cohen`}
          value={row.cohen}
          low={row.cohen_low}
          high={row.cohen_high}
          scale={scale}
          print={kappa}
        />
      ),
    },
    {
      id: "krippendorff",
      label: "Krippendorff's alpha",
      cell: (row) => (
        <Whisker
          name={`${row.name}, Krippendorff`}
          value={row.krippendorff}
          low={row.krippendorff_low}
          high={row.krippendorff_high}
          scale={scale}
          print={kappa}
        />
      ),
    },
  ];
  return (
    <>
      <p>{found.data.says}</p>
      {found.data.criteria.length > 0 && (
        <Panel>
          <DataTable label="Agreement" columns={columns} rows={found.data.criteria} rowKey={(row) => row.name} />
        </Panel>
      )}
    </>
  );
}
