import { Button, Group, Skeleton, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { claim, decide, itemQuery, release, reviewKey } from "@/api/review";
import type { Decision, ItemView, QueueView } from "@/api/reviewTypes";
import { AddToDataset } from "@/features/datasets/AddToDataset";
import { useShortcuts } from "@/lib/hooks";
import { useMayReview, useMayWrite } from "@/lib/role";
import { Key } from "@/ui/bits";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { Lease } from "./Lease";
import { Outcome } from "./Outcome";
import { Rubric } from "./Rubric";
import css from "./review.module.css";
import { type Answers, missing, nextOf, press } from "./rubric";
import { SubjectView } from "./SubjectView";

interface Props {
  project: string;
  queue: QueueView;
  id: string;
  onMove: (step: 1 | -1) => void;
  onDone: () => void;
}

/** One item: what was said at the left, the rubric and the decision at the right. Opening it claims it. */
export function Desk({ project, queue, id, onMove, onDone }: Props) {
  const found = useQuery(itemQuery(project, id));
  const item = found.data;
  useShortcuts({ j: () => onMove(1), k: () => onMove(-1), ArrowDown: () => onMove(1), ArrowUp: () => onMove(-1) });
  if (found.isError) return <ProblemNotice error={found.error} retry={() => void found.refetch()} />;
  if (!item) return <Skeleton height={420} />;
  return (
    <div className={css.desk} data-testid="desk" data-item={id}>
      <SubjectView project={project} item={item} hide={item.state === "open" && (queue.spec.hide_scores ?? true)} />
      {item.state === "open" ? (
        <Work project={project} queue={queue} item={item} onDone={onDone} />
      ) : (
        <Outcome item={item} criteria={queue.spec.criteria ?? []} />
      )}
    </div>
  );
}

interface WorkProps {
  project: string;
  queue: QueueView;
  item: ItemView;
  onDone: () => void;
}

function Work({ project, queue, item, onDone }: WorkProps) {
  const criteria = queue.spec.criteria ?? [];
  const work = useWork({ project, queue, item, onDone });
  const [adding, setAdding] = useState(false);
  const mayKeep = useMayWrite();
  const { answers, setAnswers, correction, setCorrection, note, setNote } = work;
  const at = nextOf(criteria, answers);
  const correcting = correction !== null;
  const digits = Object.fromEntries(
    Array.from({ length: 9 }, (_, i) => [String(i + 1), () => setAnswers(press(criteria, answers, at, i + 1))]),
  );
  useShortcuts({
    ...digits,
    a: () => work.say("approve"),
    c: work.correct,
    r: () => work.say("reject"),
    s: () => work.say("skip"),
    d: () => mayKeep && setAdding(true),
  });
  const saying = work.saying;
  const button = (decision: Decision, key: string, label: ReactNode, onClick: () => void, filled = false) => (
    <Button
      size="sm"
      variant={filled ? "filled" : "default"}
      loading={saying === decision}
      disabled={!work.may || (saying !== null && saying !== decision)}
      onClick={onClick}
      rightSection={<Key name={key} />}
      aria-keyshortcuts={key}
    >
      {label}
    </Button>
  );
  return (
    <section className={css.work} aria-label="Your verdict">
      <Lease item={item} claimed={work.claimed} onAgain={work.claimAgain} />
      {work.claimError != null && <ProblemNotice error={work.claimError} />}
      {item.needed > 1 && (
        <p className="muted">
          {item.needed} people look at this without seeing each other's verdict. {item.given} did.
        </p>
      )}
      {queue.spec.instructions && <div className={css.instructions}>{queue.spec.instructions}</div>}
      <Rubric criteria={criteria} answers={answers} at={at} onChange={setAnswers} />
      {correcting && (
        <Textarea
          label="What the answer should have been"
          autosize
          minRows={5}
          maxRows={20}
          value={correction}
          onChange={(event) => setCorrection(event.currentTarget.value)}
          ref={work.field}
        />
      )}
      <Textarea
        label="Note"
        autosize
        minRows={1}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      {work.lacking.length > 0 && (
        <Notice tone="warn" title="The rubric also asks">
          {work.lacking.join("; ")}
        </Notice>
      )}
      {work.error != null && <ProblemNotice error={work.error} />}
      <Group gap="xs">
        {correcting ? (
          <>
            {button("correct", "Ctrl Enter", "Save the correction", () => work.say("correct"), true)}
            <Button size="sm" variant="default" onClick={() => setCorrection(null)}>
              Back
            </Button>
          </>
        ) : (
          <>
            {button("approve", "a", "Approve", () => work.say("approve"), true)}
            {button("correct", "c", "Correct…", work.correct)}
            {button("reject", "r", "Reject", () => work.say("reject"))}
            {button("skip", "s", "Skip", () => work.say("skip"))}
          </>
        )}
      </Group>
      <p className={`muted ${css.keys}`}>
        <kbd>j</kbd> <kbd>k</kbd> next, previous · <kbd>1</kbd>…<kbd>9</kbd> answer the rubric
        {mayKeep && (
          <>
            {" "}
            · <kbd>d</kbd> to a dataset
          </>
        )}{" "}
        · <kbd>?</kbd> help
      </p>
      {adding && (
        <AddToDataset
          project={project}
          from={{ kind: "review", item: item.id, expected: correction ?? item.subject.answer ?? "" }}
          onClose={() => setAdding(false)}
        />
      )}
      <UnsavedGuard dirty={work.dirty} leaving={work.leaving} />
    </section>
  );
}

/** What the reviewer has done so far, and saying it. */
function useWork({ project, queue, item, onDone }: WorkProps) {
  const may = useMayReview();
  const [answers, setAnswers] = useState<Answers>({});
  const [correction, setCorrection] = useState<string | null>(null);
  const [note, setNote] = useState("");
  const [lacking, setLacking] = useState<string[]>([]);
  const [begun] = useState(() => Date.now());
  const field = useRef<HTMLTextAreaElement>(null);
  const leaving = useLeaving();
  const queries = useQueryClient();
  const claiming = useMutation({
    mutationFn: () => claim(project, item.id),
    onSuccess: (claimed) =>
      queries.setQueryData(itemQuery(project, item.id).queryKey, (was) => ({ ...was, ...claimed })),
  });
  const { mutate: claimNow } = claiming;
  // biome-ignore lint/correctness/useExhaustiveDependencies: an item is claimed once, when it comes onto the desk
  useEffect(() => {
    if (may) claimNow();
    return () => {
      if (may && !leaving.current) void release(project, item.id).catch(() => undefined); // the lease ends by itself
    };
  }, [item.id, may]);
  const saying = useMutation({
    mutationFn: (decision: Decision) =>
      decide(project, item.id, {
        decision,
        answers: decision === "skip" ? {} : answers,
        correction: decision === "correct" ? correction : null,
        note: note.trim(),
        seconds: Math.round((Date.now() - begun) / 100) / 10,
      }),
    onSuccess: async () => {
      leaving.current = true;
      onDone();
      await queries.invalidateQueries({ queryKey: reviewKey(project) });
    },
  });
  const say = (decision: Decision) => {
    if (!may || saying.isPending) return;
    const left = decision === "skip" ? [] : missing(queue.spec.criteria ?? [], answers);
    setLacking(left);
    if (left.length === 0) saying.mutate(decision);
  };
  const correct = () => {
    setCorrection((now) => now ?? item.subject.answer ?? "");
    requestAnimationFrame(() => field.current?.focus());
  };
  useShortcuts({ "mod+enter": () => (correction !== null ? say("correct") : false) });
  return {
    may,
    answers,
    setAnswers,
    correction,
    setCorrection,
    note,
    setNote,
    lacking,
    field,
    leaving,
    claimed: claiming.data,
    claimError: claiming.error,
    claimAgain: () => claimNow(),
    say,
    correct,
    saying: saying.isPending ? saying.variables : null,
    error: saying.error,
    dirty: (correction !== null && correction !== (item.subject.answer ?? "")) || note.trim() !== "",
  };
}
