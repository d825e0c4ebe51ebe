import { Button, Select } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { sessionsQuery } from "@/api/seen";
import type { SessionRow } from "@/api/types";
import { formatCompact, formatInt, formatListTime, formatMs, plural } from "@/lib/format";
import { useAnchor } from "@/lib/hooks";
import { boundedMoney } from "@/lib/money";
import { resolveRange } from "@/search/range";
import { Empty } from "@/ui/bits";
import { SearchedPage } from "../views/SearchedPage";
import css from "./sessions.module.css";

export const PEOPLE_SORTS = [
  { value: "last", label: "Newest" },
  { value: "calls", label: "Most calls" },
  { value: "errors", label: "Most errors" },
  { value: "cost", label: "Most expensive" },
  { value: "tokens", label: "Most tokens" },
];

/** "Which conversations were there, and which of them went wrong or got expensive?" */
export function SessionsPage() {
  const { project } = useParams({ from: "/inside/p/$project/sessions" });
  const search = useSearch({ from: "/inside/p/$project/sessions" });
  const navigate = useNavigate({ from: "/p/$project/sessions" });
  const { now, tick } = useAnchor(resolveRange(search, 0).moving ? 15_000 : false);
  const range = resolveRange(search, now);
  const q = search.q ?? "";
  const sort = PEOPLE_SORTS.find((each) => each.value === search.sort)?.value ?? "last";
  const list = useInfiniteQuery(sessionsQuery(project, q, range.window, sort));
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <SearchedPage
      project={project}
      page="sessions"
      title="Sessions"
      lead="Calls that belong together, as the conversations they are."
      search={search}
      range={range}
      onChange={patch}
      onRefresh={tick}
      asked={list}
      actions={
        <Select
          aria-label="Sort"
          data={PEOPLE_SORTS}
          value={sort}
          allowDeselect={false}
          w={150}
          onChange={(value) => patch({ sort: value === "last" ? undefined : (value ?? undefined) })}
        />
      }
    >
      {list.data && rows.length === 0 && <NoSessions searched={q !== ""} range={range.label} />}
      {rows.length > 0 && (
        <>
          <ul className={css.rows} aria-label="Sessions">
            {rows.map((row) => (
              <Row key={row.session} project={project} row={row} now={now} />
            ))}
          </ul>
          {list.hasNextPage && (
            <Button
              variant="default"
              mt={12}
              loading={list.isFetchingNextPage}
              onClick={() => void list.fetchNextPage()}
            >
              Show more
            </Button>
          )}
        </>
      )}
    </SearchedPage>
  );
}

function Row({ project, row, now }: { project: string; row: SessionRow; now: number }) {
  return (
    <li>
      <Link to="/p/$project/sessions/$session" params={{ project, session: row.session }} className={css.row}>
        <span className={css.what}>
          <span className={`ellipsis ${css.asked}`} dir="auto">
            {row.asked || row.session}
          </span>
          <span className={`ellipsis ${css.answered}`} dir="auto">
            {row.answered}
          </span>
          <span className={`ellipsis ${css.who}`}>
            <code>{row.session}</code>
            {row.user && " · "}
            <bdi>{row.user}</bdi>
            {row.models.length > 0 && ` · ${row.models.join(", ")}`}
          </span>
        </span>
        <span className={css.numbers}>
          <span className="num">{formatListTime(row.started, now)}</span>
          <span>
            {plural(row.calls, "call")}
            {row.errors > 0 && <span className={css.bad}> · {formatInt(row.errors)} failed</span>}
          </span>
          <span className="num">
            {boundedMoney(row.cost, row.unpriced)} · {formatCompact(row.tokens)} tokens ·{" "}
            {formatMs(row.ended - row.started)}
          </span>
        </span>
      </Link>
    </li>
  );
}

function NoSessions({ searched, range }: { searched: boolean; range: string }) {
  if (searched) {
    return (
      <Empty title="No session matches">
        <p>No session in “{range}” has a call that fits this search.</p>
      </Empty>
    );
  }
  return (
    <Empty title="No sessions yet">
      <p>
        Say which calls belong together, and they are shown as one conversation. Through the gateway it is a header:
      </p>
      <pre className={css.snippet}>trimtab-session: chat-42{"\n"}trimtab-user: ann</pre>
      <p>Applications that send traces set the attribute session.id on their spans.</p>
    </Empty>
  );
}
