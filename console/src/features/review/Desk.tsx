import { Button, Group, Skeleton, Switch, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { claim, decide, itemQuery, release, reviewKey } from "@/api/review";
import type { Decision, ItemView, QueueView } from "@/api/reviewTypes";
import { useShortcuts } from "@/lib/hooks";
import { useMay, useMayReview } from "@/lib/role";
import { Key } from "@/ui/bits";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { type Leaving, UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { ItemActions } from "./ItemActions";
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
  onKeep: (kept: Kept) => void;
}

/** What is to become a case: an item, with what its answer should have been. */
export interface Kept {
  item: string;
  expected: string;
  /** The datasets of the queue, for one who may put it into no others. */
  only?: string[] | undefined;
}

/** One item: what was said at the left, the rubric and the decision at the right. Opening it claims it. */
export function Desk({ project, queue, id, onMove, onDone, onKeep }: Props) {
  const found = useQuery(itemQuery(project, id));
  const item = found.data;
  // What somebody writes stays on the desk until they decide, also where a question fails or another closes the item.
  const [work, setWork] = useState<"none" | "begun" | "done">("none");
  if (item?.state === "open" && !item.mine && work === "none") setWork("begun");
  useShortcuts({ j: () => onMove(1), k: () => onMove(-1), ArrowDown: () => onMove(1), ArrowUp: () => onMove(-1) });
  const problem = found.isError && <ProblemNotice error={found.error} retry={() => void found.refetch()} />;
  if (!item) return problem || <Skeleton height={420} />;
  return (
    <div className={css.desk} data-testid="desk" data-item={id}>
      <div>
        {problem}
        <SubjectView project={project} item={item} hide={item.blind && (queue.spec.hide_scores ?? true)} />
      </div>
      {work === "begun" ? (
        <Work
          project={project}
          queue={queue}
          item={item}
          onDone={() => {
            setWork("done");
            onDone();
          }}
          onKeep={onKeep}
        />
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
  onKeep: (kept: Kept) => void;
}

function Work({ project, queue, item, onDone, onKeep }: WorkProps) {
  const criteria = queue.spec.criteria ?? [];
  const work = useWork({ project, queue, item, onDone });
  const into = useMay("dataset:write") ? undefined : (queue.spec.datasets ?? []);
  const mayKeep = into === undefined || (work.may && into.length > 0);
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
    d: () => mayKeep && onKeep({ item: item.id, expected: correction ?? item.subject.answer ?? "", only: into }),
  });
  return (
    <section className={css.work} aria-label="Your verdict">
      <Lease item={item} claimed={work.claimed} onAgain={work.claimAgain} />
      {work.may && (
        <ItemActions
          project={project}
          item={item}
          me={work.claimed?.claimed_by ?? ""}
          onGone={work.gone}
          onStays={work.claimAgain}
        />
      )}
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
          onKeyDown={leaveOnEscape}
          ref={work.field}
        />
      )}
      <Textarea
        label="Note"
        autosize
        minRows={1}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
        onKeyDown={leaveOnEscape}
      />
      <Switch
        size="xs"
        label="Somebody else should look, too"
        checked={work.second}
        onChange={(event) => work.setSecond(event.currentTarget.checked)}
      />
      {work.lacking.length > 0 && (
        <Notice tone="warn" title="The rubric also asks">
          {work.lacking.join("; ")}
        </Notice>
      )}
      {work.error != null && <ProblemNotice error={work.error} />}
      <Decisions work={work} />
      <Keys mayKeep={mayKeep} />
      <UnsavedGuard dirty={work.dirty} leaving={work.leaving} />
    </section>
  );
}

/** Without a mouse there is no other way from a text back to the keys that decide. */
const leaveOnEscape = (event: KeyboardEvent<HTMLTextAreaElement>) => {
  if (event.key === "Escape") event.currentTarget.blur();
};

type WorkState = ReturnType<typeof useWork>;

interface DecideProps {
  work: WorkState;
  decision: Decision;
  keys: string;
  children: ReactNode;
  onClick?: () => void;
}

function Decide({ work, decision, keys, children, onClick = () => work.say(decision) }: DecideProps) {
  const { saying } = work;
  return (
    <Button
      size="sm"
      variant={decision === "approve" || keys.startsWith("Ctrl") ? "filled" : "default"}
      loading={saying === decision}
      disabled={!work.may || (saying !== null && saying !== decision)}
      onClick={onClick}
      rightSection={<Key name={keys} />}
      aria-keyshortcuts={keys.replace(" ", "+").replace("Ctrl", "Control")}
    >
      {children}
    </Button>
  );
}

function Decisions({ work }: { work: WorkState }) {
  if (work.correction !== null)
    return (
      <Group gap="xs">
        <Decide work={work} decision="correct" keys="Ctrl Enter">
          Save the correction
        </Decide>
        <Button size="sm" variant="default" onClick={() => work.setCorrection(null)}>
          Back
        </Button>
      </Group>
    );
  return (
    <Group gap="xs">
      <Decide work={work} decision="approve" keys="a">
        Approve
      </Decide>
      <Decide work={work} decision="correct" keys="c" onClick={work.correct}>
        Correct…
      </Decide>
      <Decide work={work} decision="reject" keys="r">
        Reject
      </Decide>
      <Decide work={work} decision="skip" keys="s">
        Skip
      </Decide>
    </Group>
  );
}

function Keys({ mayKeep }: { mayKeep: boolean }) {
  return (
    <p className={`muted ${css.keys}`}>
      <kbd>j</kbd> <kbd>k</kbd> next, previous · <kbd>1</kbd>…<kbd>9</kbd> answer the rubric · <kbd>Esc</kbd> out of a
      text
      {mayKeep && (
        <>
          {" "}
          · <kbd>d</kbd> to a dataset
        </>
      )}{" "}
      · <kbd>?</kbd> help
    </p>
  );
}

/** Keeps others off an item for as long as it is on the desk. */
function useClaim(project: string, id: string, may: boolean, leaving: Leaving) {
  const queries = useQueryClient();
  const claiming = useMutation({
    mutationFn: () => claim(project, id),
    onSuccess: (claimed) => queries.setQueryData(itemQuery(project, id).queryKey, (was) => ({ ...was, ...claimed })),
  });
  const { mutate: claimNow } = claiming;
  // biome-ignore lint/correctness/useExhaustiveDependencies: an item is claimed once, when it comes onto the desk
  useEffect(() => {
    if (may) claimNow();
    return () => {
      if (may && !leaving.current) void release(project, id).catch(() => undefined); // the lease ends by itself
    };
  }, [id, may]);
  return claiming;
}

/** What the reviewer has done so far, and saying it. */
function useWork({ project, queue, item, onDone }: Omit<WorkProps, "onKeep">) {
  const may = useMayReview();
  const [answers, setAnswers] = useState<Answers>({});
  const [correction, setCorrection] = useState<string | null>(null);
  const [note, setNote] = useState("");
  const [second, setSecond] = useState(false);
  const [lacking, setLacking] = useState<string[]>([]);
  const [begun] = useState(() => Date.now());
  const field = useRef<HTMLTextAreaElement>(null);
  const leaving = useLeaving();
  const queries = useQueryClient();
  const claiming = useClaim(project, item.id, may, leaving);
  const saying = useMutation({
    mutationFn: (decision: Decision) =>
      decide(project, item.id, {
        decision,
        answers: decision === "skip" ? {} : answers,
        correction: decision === "correct" ? correction : null,
        note: note.trim(),
        seconds: Math.round((Date.now() - begun) / 100) / 10,
        second_opinion: second,
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
    else field.current?.blur(); // the digits that answer the rubric would be written into the correction
  };
  const correct = () => {
    setCorrection((now) => now ?? item.subject.answer ?? "");
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(field.current.value.length, field.current.value.length);
    });
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
    second,
    setSecond,
    lacking,
    field,
    leaving,
    claimed: claiming.data,
    claimError: claiming.error,
    claimAgain: () => claiming.mutate(),
    gone: () => {
      leaving.current = true;
      onDone();
    },
    say,
    correct,
    saying: saying.isPending ? saying.variables : null,
    error: saying.error,
    dirty: (correction !== null && correction !== (item.subject.answer ?? "")) || note.trim() !== "",
  };
}
