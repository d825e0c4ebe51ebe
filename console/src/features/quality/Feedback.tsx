import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { feedbackQuery } from "@/api/quality";
import type { FeedbackGroup, FeedbackRow, FeedbackSummary } from "@/api/qualityTypes";
import type { Window } from "@/api/types";
import { percent } from "@/features/rollouts/words";
import { formatInt } from "@/lib/format";
import { Empty, Panel, Tag } from "@/ui/bits";
import { Code } from "@/ui/Copy";
import { type Column, DataTable } from "@/ui/DataTable";
import { Pending } from "@/ui/Pending";
import { SHARE, Whisker } from "@/ui/Whisker";
import css from "./quality.module.css";

const print = (value: number | null) => (value === null ? "–" : percent(value));
const GROUPS: { value: FeedbackGroup; label: string }[] = [
  { value: "app", label: "by app" },
  { value: "release", label: "by release" },
  { value: "environment", label: "by environment" },
  { value: "feature", label: "by feature" },
  { value: "model", label: "by model" },
];

interface Props {
  project: string;
  window: Window;
  by: string | undefined;
  onBy: (by: FeedbackGroup) => void;
}

/** What users say, how many of them say something, and what that is worth. */
export function Feedback({ project, window, by, onBy }: Props) {
  const group = GROUPS.find((each) => each.value === by)?.value ?? "release";
  const found = useQuery(feedbackQuery(project, window, group));
  if (found.isError || !found.data) return <Pending of={found} height={280} />;
  if (found.data.all.responded === 0) return <Nobody answers={found.data.all.answers} />;
  return (
    <>
      <Said summary={found.data} />
      <div className={css.bar}>
        <h2>Who answers</h2>
        <Select
          size="xs"
          aria-label="Grouped"
          data={GROUPS}
          value={group}
          allowDeselect={false}
          onChange={(value) => onBy(value as FeedbackGroup)}
        />
      </div>
      <Panel>
        <DataTable label="Feedback by group" columns={COLUMNS} rows={found.data.groups} rowKey={(row) => row.group} />
      </Panel>
      <Kinds summary={found.data} />
    </>
  );
}

function Said({ summary }: { summary: FeedbackSummary }) {
  const { all } = summary;
  return (
    <section className={css.lead} aria-label="In all">
      <p className={css.says}>{summary.says}</p>
      <div className={css.pair}>
        <span>Said something</span>
        <Whisker
          name="Said something"
          {...all.rate}
          scale={SHARE}
          print={print}
          n={`${formatInt(all.responded)} of ${formatInt(all.answers)} answers`}
        />
        <span>Content</span>
        <Whisker name="Content" {...all.mean} scale={SHARE} print={print} n={`${formatInt(all.people)} people`} />
        <span title="Each group counts by how many answers it got, not by how talkative it is.">
          Weighted by answers
        </span>
        <span className="num">
          <strong>{print(summary.weighted)}</strong>
          {summary.uncovered > 0 && (
            <span className="muted"> ({print(summary.uncovered)} of answers in groups that say nothing)</span>
          )}
        </span>
        <span title="Had all who said nothing been unhappy, or happy.">Whatever the silent think</span>
        <span className="num">
          {print(all.worst)} to {print(all.best)}
        </span>
      </div>
    </section>
  );
}

const COLUMNS: Column<FeedbackRow>[] = [
  { id: "group", label: "group", cell: (row) => <strong>{row.group || "(none)"}</strong> },
  { id: "answers", label: "answers", align: "right", cell: (row) => formatInt(row.answers) },
  {
    id: "rate",
    label: "said something",
    cell: (row) => <Whisker name={`${row.group}, said something`} {...row.rate} scale={SHARE} print={print} />,
  },
  {
    id: "mean",
    label: "content",
    cell: (row) => (
      <Whisker
        name={`${row.group}, content`}
        {...row.mean}
        scale={SHARE}
        print={print}
        n={`n ${formatInt(row.rated)}`}
      />
    ),
  },
];

function Kinds({ summary }: { summary: FeedbackSummary }) {
  if (summary.kinds.length === 0) return null;
  return (
    <section aria-label="What was said" className={css.kinds}>
      {summary.kinds.map((kind) => (
        <Tag key={`${kind.name} ${kind.label}`}>
          {[kind.name, kind.label].filter(Boolean).join(": ")} {formatInt(kind.count)}
          {kind.mean !== null && `, mean ${Number(kind.mean.toPrecision(2))}`}
        </Tag>
      ))}
    </section>
  );
}

function Nobody({ answers }: { answers: number }) {
  return (
    <Empty title="No user has said anything">
      <p>
        {answers > 0 && `There were ${formatInt(answers)} answers in this time. `}
        Your application has the id of every answer already: send what the user thinks of it.
      </p>
      <Code
        text={`curl $TRIMTAB/v1/feedback -H "Authorization: Bearer $KEY" \\
  -d '{"request_id": "ID OF THE ANSWER", "thumbs": "up"}'`}
      />
    </Empty>
  );
}
