import { Button, Drawer, Skeleton, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { del, requestText } from "@/api/client";
import { deadLetterQuery, deadLettersQuery } from "@/api/seen";
import type { DeadLetterContent, DeadLetterView } from "@/api/types";
import { formatCompact, formatDateTime, formatInt, plural } from "@/lib/format";
import { printWide } from "@/lib/wideJson";
import { Empty, Facts, Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { LongList } from "@/ui/LongList";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { fitting } from "@/ui/portion";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { WriteButton } from "@/ui/WriteButton";
import { AllOfThem } from "./AllOfThem";
import { type Cause, causeOf, causesOf, wordsOf } from "./causes";
import css from "./letters.module.css";

/** "What was received and could not be stored, why, and how does it get in after all?" */
export function LettersPage() {
  useParams({ from: "/inside/p/$project/dead-letters" });
  const search = useSearch({ from: "/inside/p/$project/dead-letters" });
  const navigate = useNavigate({ from: "/p/$project/dead-letters" });
  const letters = useQuery(deadLettersQuery());
  const patch = (change: Partial<typeof search>) => void navigate({ search: (was) => ({ ...was, ...change }) });
  const show = (id: number | undefined) => patch({ show: id === undefined ? undefined : String(id) });
  const all = letters.data ?? [];
  const causes = causesOf(all);
  const ofCause = search.cause ? all.filter((letter) => causeOf(letter) === search.cause) : all;
  const meant = fitting(ofCause, search.find ?? "", wordsOf);
  const chosen = Number(search.show);
  const columns: Column<DeadLetterView>[] = [
    {
      id: "at",
      label: "written",
      cell: (row) => (
        <button type="button" className={css.open} onClick={() => show(row.id)}>
          {formatDateTime(row.at)}
        </button>
      ),
    },
    { id: "kind", label: "kind", cell: (row) => <Tag>{row.kind}</Tag> },
    { id: "reason", label: "why it was set aside", cell: (row) => <span className={css.why}>{row.reason}</span> },
    { id: "request", label: "request", cell: (row) => <code>{row.request_id || "–"}</code> },
    { id: "bytes", label: "bytes", align: "right", cell: (row) => formatCompact(row.bytes) },
  ];
  return (
    <Page title="Dead letters" lead="Records that could not be read or stored. They are kept, and in nobody's way.">
      {letters.error && <ProblemNotice error={letters.error} retry={() => void letters.refetch()} />}
      {letters.isPending && !letters.error && <Skeleton height={200} />}
      {letters.data?.length === 0 && (
        <Empty title="Nothing was set aside">
          <p>Everything that was received could be stored.</p>
        </Empty>
      )}
      {all.length > 1 && (
        <section className={css.causes} aria-label="Causes">
          <Panel>
            <DataTable
              label="Why they were set aside"
              columns={causeColumns(search.cause, (cause) => patch({ cause }))}
              rows={causes}
              rowKey={(cause) => cause.id}
            />
          </Panel>
        </section>
      )}
      {letters.data && <AllOfThem letters={meant} />}
      {search.cause && ofCause.length === 0 && letters.data && (
        <p className="muted">
          No letter of this cause is left.{" "}
          <button type="button" className={css.open} onClick={() => patch({ cause: undefined })}>
            Show all
          </button>
        </p>
      )}
      <LongList
        rows={ofCause}
        noun="letter"
        textOf={wordsOf}
        words={search.find}
        onWords={(find) => void navigate({ search: (was) => ({ ...was, find }), replace: true })}
        placeholder="Reason, request or project"
      >
        {(rows) => (
          <Panel>
            <DataTable label="Dead letters" columns={columns} rows={rows} rowKey={(row) => String(row.id)} />
          </Panel>
        )}
      </LongList>
      <Drawer
        opened={search.show !== undefined && Number.isInteger(chosen)}
        onClose={() => show(undefined)}
        title={<strong>Dead letter {formatInt(chosen)}</strong>}
        position="right"
        size={620}
      >
        {Number.isInteger(chosen) && <Letter key={chosen} id={chosen} onGone={() => show(undefined)} />}
      </Drawer>
    </Page>
  );
}

/** What keeps records out, how often, since when; one of them shows its letters alone. */
function causeColumns(chosen: string | undefined, onChoose: (cause: string | undefined) => void): Column<Cause>[] {
  return [
    {
      id: "cause",
      label: "cause, in the newest one's words",
      cell: (row) => (
        <button
          type="button"
          className={css.cause}
          aria-pressed={row.id === chosen}
          onClick={() => onChoose(row.id === chosen ? undefined : row.id)}
        >
          {row.reason}
        </button>
      ),
    },
    { id: "kind", label: "kind", cell: (row) => <Tag>{row.kind}</Tag> },
    { id: "count", label: "letters", align: "right", cell: (row) => formatInt(row.count) },
    { id: "since", label: "since", cell: (row) => <span className="num">{formatDateTime(row.first)}</span> },
    { id: "last", label: "last", cell: (row) => <span className="num">{formatDateTime(row.last)}</span> },
  ];
}

function Letter({ id, onGone }: { id: number; onGone: () => void }) {
  const letter = useQuery(deadLetterQuery(id));
  if (letter.error) return <ProblemNotice error={letter.error} />;
  if (!letter.data) return <Skeleton height={240} />;
  return <Opened opened={letter.data} onGone={onGone} />;
}

/** What it held, to be mended and sent again. */
function Opened({ opened, onGone }: { opened: DeadLetterContent; onGone: () => void }) {
  const { letter, content } = opened;
  const given = content === null ? "" : printWide(content, 2);
  const [text, setText] = useState(given);
  const [dropping, setDropping] = useState(false);
  const leaving = useLeaving();
  const queries = useQueryClient();
  const changed = text !== given;
  const mistake = changed ? mistakeIn(text) : "";
  const gone = async () => {
    leaving.current = true;
    await queries.invalidateQueries({ queryKey: deadLettersQuery().queryKey });
    onGone();
  };
  const replay = useMutation({
    mutationFn: () =>
      requestText("POST", `/system/dead-letters/${letter.id}/replay`, `{"content": ${changed ? text : "null"}}`),
    onSuccess: gone,
  });
  const drop = useMutation({ mutationFn: () => del(`/system/dead-letters/${letter.id}`), onSuccess: gone });
  return (
    <div className={css.letter}>
      <Notice tone="warn" title={letter.reason} />
      <Facts
        rows={[
          ["Kind", letter.kind],
          ["Written", formatDateTime(letter.at)],
          ["Size", plural(letter.bytes, "byte")],
          ["Project", letter.project && <code>{letter.project}</code>],
          ["Where", letter.segment && <code>{`${letter.segment}/${letter.seq}`}</code>],
        ]}
      />
      {content === null ? (
        <p className="muted">
          It cannot be shown as JSON{opened.wire ? "; its bytes are in the API's answer, in base64" : ""}. It can be
          sent again as it is, once what could not take it can.
        </p>
      ) : (
        <Textarea
          label="What it held; mend it here"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          error={mistake}
          autosize
          minRows={8}
          maxRows={26}
          spellCheck={false}
          classNames={{ input: css.json }}
        />
      )}
      {replay.error && <ProblemNotice error={replay.error} />}
      <div className={css.buttons}>
        <WriteButton
          needs="system:write"
          loading={replay.isPending}
          why={mistake || undefined}
          onClick={() => replay.mutate()}
        >
          {changed ? "Send the mended one" : "Send again"}
        </WriteButton>
        {changed && (
          <Button variant="subtle" color="gray" onClick={() => setText(given)}>
            Undo
          </Button>
        )}
        <WriteButton needs="system:write" variant="default" color="red" onClick={() => setDropping(true)}>
          Drop
        </WriteButton>
      </div>
      <Confirm
        opened={dropping}
        title="Drop this letter for good?"
        action="Drop"
        busy={drop.isPending}
        error={drop.error}
        onConfirm={() => drop.mutate()}
        onClose={() => setDropping(false)}
      >
        What it held was acknowledged to whoever sent it, and will be nowhere else.
      </Confirm>
      <UnsavedGuard dirty={changed} leaving={leaving} />
    </div>
  );
}

function mistakeIn(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? "" : "It must be a JSON object.";
  } catch (error) {
    return error instanceof Error ? error.message : "This is not JSON.";
  }
}
