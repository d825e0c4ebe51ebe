import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Fragment, memo, useEffect, useRef, useState } from "react";
import { spanIOQuery } from "@/api/queries";
import { sessionQuery } from "@/api/seen";
import type { SessionRow, SpanRow } from "@/api/types";
import { Message } from "@/features/trace/Conversation";
import { formatClock, formatCompact, formatDateTime, formatInt, formatMs, plural } from "@/lib/format";
import { boundedMoney, formatMoney } from "@/lib/money";
import { toggleValue } from "@/search/language";
import { fixedSearch } from "@/search/range";
import { Tag } from "@/ui/bits";
import { CopyIconButton } from "@/ui/Copy";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { StatusSign } from "@/ui/status";
import { Tile, Tiles } from "@/ui/Tiles";
import css from "./sessions.module.css";
import { newMessages, pauseBefore } from "./turns";

/** "What was said in this conversation, turn by turn, and where did it go wrong?" */
export function SessionPage() {
  const { project, session } = useParams({ from: "/inside/p/$project/sessions/$session" });
  const found = useInfiniteQuery(sessionQuery(project, session));
  const summary = found.data?.pages[0]?.summary;
  const turns = found.data?.pages.flatMap((page) => page.turns) ?? [];
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = found;
  const list = useRef<HTMLDivElement>(null);
  const [toEnd, setToEnd] = useState(false);
  useEffect(() => {
    if (!toEnd || isFetchingNextPage) return;
    if (hasNextPage && !isFetchNextPageError) return void fetchNextPage();
    setToEnd(false);
    if (list.current) showEnd(list.current);
  }, [toEnd, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);
  return (
    <Page
      title="Session"
      lead={
        <>
          <code>{session}</code> <CopyIconButton text={session} label="Copy the session's id" />
        </>
      }
    >
      <Pending of={found} height={320} />
      {summary && <Summary project={project} row={summary} />}
      {hasNextPage && (
        <Button variant="default" mb={14} loading={toEnd} onClick={() => setToEnd(true)}>
          To the last turn
        </Button>
      )}
      <div className={css.turns} data-testid="turns" ref={list}>
        {turns.map((turn, i) => (
          <Fragment key={turn.trace_id}>
            <Pause ms={pauseBefore(turns[i - 1], turn)} />
            <Turn project={project} turn={turn} number={i + 1} />
          </Fragment>
        ))}
      </div>
      {hasNextPage && (
        <Button variant="default" mt={16} loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Show later turns
        </Button>
      )}
    </Page>
  );
}

/** The last turn in sight, also while those around it get their words, until somebody moves. */
function showEnd(list: HTMLElement) {
  const last = list.lastElementChild;
  last?.querySelector<HTMLElement>("a")?.focus({ preventScroll: true });
  const watch = new ResizeObserver(() => last?.scrollIntoView({ block: "end" }));
  watch.observe(list); // which tells of it at once
  const moved = new AbortController();
  const stop = () => {
    watch.disconnect();
    moved.abort();
  };
  for (const kind of ["wheel", "keydown", "pointerdown", "touchmove"]) {
    window.addEventListener(kind, stop, { passive: true, signal: moved.signal });
  }
}

function Pause({ ms }: { ms: number }) {
  return ms > 0 ? <div className={css.pause}>{formatMs(ms)} later</div> : null;
}

function Summary({ project, row }: { project: string; row: SessionRow }) {
  return (
    <Tiles label="Summary" testId="session-summary" across={5}>
      <Tile
        label="User"
        foot={row.features.join(", ")}
        value={
          row.user ? (
            <Link to="/p/$project/users/$user" params={{ project, user: row.user }}>
              {row.user}
            </Link>
          ) : (
            "–"
          )
        }
        oneLine
      />
      <Tile
        label="Calls"
        foot={
          row.errors > 0 ? (
            <Link
              to="/p/$project/traces"
              params={{ project }}
              search={{
                ...fixedSearch(Math.floor(row.started), Math.ceil(row.ended) + 1),
                q: toggleValue(toggleValue("", "session", row.session), "status", "error"),
              }}
            >
              {formatInt(row.errors)} failed
            </Link>
          ) : (
            "none failed"
          )
        }
        value={formatInt(row.calls)}
      />
      <Tile
        label="Cost"
        foot={row.unpriced > 0 ? `${plural(row.unpriced, "call")} without a price` : ""}
        value={boundedMoney(row.cost, row.unpriced)}
      />
      <Tile label="Tokens" foot={row.models.join(", ")} value={formatCompact(row.tokens)} oneLine />
      <Tile label="From first to last" foot={formatDateTime(row.started)} value={formatMs(row.ended - row.started)} />
    </Tiles>
  );
}

/** One trace: what is new in its question, and the answer. Its words are fetched when it comes near the screen. */
const Turn = memo(function Turn({ project, turn, number }: { project: string; turn: SpanRow; number: number }) {
  const [ref, near] = useNear();
  const io = useQuery({ ...spanIOQuery(project, turn.trace_id, turn.span_id), enabled: near });
  return (
    <section className={css.turn} ref={ref} aria-label={`Turn ${number}`}>
      <TurnHead project={project} turn={turn} number={number} />
      {io.error && <ProblemNotice error={io.error} retry={() => void io.refetch()} />}
      {!near ? (
        <p className="muted" dir="auto">
          {turn.input_preview} {turn.output_preview}
        </p>
      ) : io.data?.captured ? (
        <>
          {newMessages(io.data).map((message, i) => (
            <Message key={`in-${i}`} message={message} />
          ))}
          {io.data.output.map((message, i) => (
            <Message key={`out-${i}`} message={message} />
          ))}
          {io.data.input.length === 0 && io.data.output.length === 0 && <Previews turn={turn} />}
        </>
      ) : (
        <Previews turn={turn} />
      )}
      {turn.status === "error" && <div className={css.bad}>{turn.error_message || turn.error_code}</div>}
    </section>
  );
});

function TurnHead({ project, turn, number }: { project: string; turn: SpanRow; number: number }) {
  return (
    <div className={css.turnHead}>
      <StatusSign status={turn.status} size={14} />
      <span className="num">{formatInt(number)}</span>
      <Link to="/p/$project/traces/$traceId" params={{ project, traceId: turn.trace_id }}>
        {formatClock(turn.started, false)}
      </Link>
      <span>{turn.model_used || turn.model || turn.name}</span>
      <span className="num">{formatMs(turn.duration)}</span>
      {turn.cost !== null && <span className="num">{formatMoney(turn.cost)}</span>}
      {turn.stop === "length" && <Tag tone="warn">cut off</Tag>}
    </div>
  );
}

function Previews({ turn }: { turn: SpanRow }) {
  if (!turn.input_preview && !turn.output_preview) return <p className="muted">No words were kept.</p>;
  return (
    <>
      {turn.input_preview && (
        <Message message={{ role: "user", parts: [{ type: "text", text: turn.input_preview }], name: null }} />
      )}
      {turn.output_preview && (
        <Message message={{ role: "assistant", parts: [{ type: "text", text: turn.output_preview }], name: null }} />
      )}
    </>
  );
}

/** True from the moment on when the element first came within a screen's height of what is seen. */
function useNear(): [React.RefObject<HTMLElement | null>, boolean] {
  const ref = useRef<HTMLElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    const node = ref.current;
    if (!node || near) return;
    const watch = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) setNear(true);
      },
      { rootMargin: "100% 0px" },
    );
    watch.observe(node);
    return () => watch.disconnect();
  }, [near]);
  return [ref, near];
}
