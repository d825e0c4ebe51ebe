import { Button, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { inProject, post } from "@/api/client";
import type { ScoreView, SpanRow, TraceDetail } from "@/api/types";
import { formatDateTime } from "@/lib/format";
import { Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";
import { findingName, findingsAt, formatScore, ordered } from "./scores";
import css from "./trace.module.css";

interface Props {
  project: string;
  trace: TraceDetail;
  span: SpanRow;
}

/** What people, code, models and detectors think of this trace; and where one adds what one thinks oneself. */
export function ScoresView({ project, trace, span }: Props) {
  const scores = trace.scores ?? [];
  const columns: Column<ScoreView>[] = [
    {
      id: "name",
      label: "score",
      cell: (row) => <strong>{row.source === "detector" ? findingName(row.name) : row.name}</strong>,
    },
    {
      id: "value",
      label: "value",
      cell: (row) =>
        row.valid ? formatScore(row) : <s title="Taken back, or replaced by a later one">{formatScore(row)}</s>,
    },
    {
      id: "of",
      label: "of",
      cell: (row) =>
        row.span_id === span.span_id ? (
          "this span"
        ) : row.target === "span" ? (
          <code title={row.span_id}>{spanName(trace, row.span_id)}</code>
        ) : (
          `the ${row.target}`
        ),
    },
    {
      id: "source",
      label: "by",
      cell: (row) => (
        <span title={[row.evaluator, row.evaluator_version].filter(Boolean).join(" ")}>
          <Tag tone={row.source === "detector" ? "warn" : undefined}>{row.source}</Tag>{" "}
          {row.author || (row.source === "detector" ? "" : row.evaluator)}
        </span>
      ),
    },
    { id: "why", label: "why", cell: (row) => <span className={css.why}>{row.explanation}</span> },
    { id: "at", label: "at", align: "right", cell: (row) => formatDateTime(row.at) },
  ];
  return (
    <div className={css.scores}>
      {scores.length === 0 ? (
        <p className="muted">
          Nobody has judged this trace, and no detector found anything. Scores come from the SDK, the API, or from here.
        </p>
      ) : (
        <Panel>
          <DataTable label="Scores" columns={columns} rows={ordered(scores, span.span_id)} rowKey={(row) => row.id} />
        </Panel>
      )}
      <ScoreForm project={project} trace={trace} span={span} />
    </div>
  );
}

function spanName(trace: TraceDetail, id: string): string {
  return trace.spans.find((each) => each.span_id === id)?.name ?? id;
}

function ScoreForm({ project, trace, span }: Props) {
  const queries = useQueryClient();
  const [name, setName] = useState("helpful");
  const [value, setValue] = useState("");
  const [why, setWhy] = useState("");
  const number = value.trim() === "" ? Number.NaN : Number(value.replace(",", "."));
  const add = useMutation({
    mutationFn: () =>
      post(inProject(project, "scores"), {
        target: "span",
        trace_id: trace.trace_id,
        span_id: span.span_id,
        name: name.trim(),
        ...(Number.isFinite(number) ? { value: number } : { label: value.trim() }),
        explanation: why.trim(),
        source: "human",
      }),
    onSuccess: async () => {
      setValue("");
      setWhy("");
      // It is durable already; the list has it once the store does.
      await new Promise((done) => setTimeout(done, 900));
      await queries.invalidateQueries({ queryKey: ["trace", project, trace.trace_id] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() && value.trim()) add.mutate();
  };
  return (
    <form onSubmit={submit} aria-label="Add a score" className={css.scoreForm}>
      <TextInput label="Score" value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={100} />
      <TextInput
        label="Value"
        placeholder="a number, or a word"
        value={value}
        onChange={(event) => setValue(event.currentTarget.value)}
      />
      <Textarea
        label="Why"
        value={why}
        onChange={(event) => setWhy(event.currentTarget.value)}
        autosize
        minRows={1}
        className={css.scoreWhy}
      />
      <WriteButton
        needs="score:write"
        loading={add.isPending}
        why={value.trim() && name.trim() ? undefined : "Give a value."}
        onClick={() => add.mutate()}
      >
        Score this span
      </WriteButton>
      {add.error && <ProblemNotice error={add.error} />}
      {add.isSuccess && !add.isPending && <span role="status">Recorded.</span>}
    </form>
  );
}

/** What detectors found at this span, above whatever view is open: it is why somebody looks at it. */
export function Findings({ trace, span, onOpen }: { trace: TraceDetail; span: SpanRow; onOpen: () => void }) {
  const found = findingsAt(trace.scores ?? [], span.span_id);
  if (found.length === 0) return null;
  return (
    <div data-testid="findings">
      <Notice tone="warn" title={found.map((score) => findingName(score.name)).join(", ")}>
        {found.map((score) => (
          <div key={score.id}>{score.explanation}</div>
        ))}
        <Button variant="subtle" size="compact-xs" px={0} onClick={onOpen}>
          All scores
        </Button>
      </Notice>
    </div>
  );
}
