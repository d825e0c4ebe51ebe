import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { usersQuery } from "@/api/seen";
import type { UserRow } from "@/api/types";
import { formatAgo, formatCompact, formatDateTime, formatInt, formatMs, formatPercent } from "@/lib/format";
import { useAnchor } from "@/lib/hooks";
import { boundedMoney } from "@/lib/money";
import { rangeOnly, resolveRange } from "@/search/range";
import { Empty, Panel } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import css from "../sessions/sessions.module.css";
import { SearchedPage } from "../views/SearchedPage";

/** Sorted by the server, for a list may be longer than what is shown of it. */
const SORTS = ["last", "calls", "errors", "cost", "tokens"];

/** "Who uses this, what do they cost, and who has trouble?" */
export function UsersPage() {
  const { project } = useParams({ from: "/inside/p/$project/users" });
  const search = useSearch({ from: "/inside/p/$project/users" });
  const navigate = useNavigate({ from: "/p/$project/users" });
  const { now, tick } = useAnchor(resolveRange(search, 0).moving ? 15_000 : false);
  const range = resolveRange(search, now);
  const q = search.q ?? "";
  const sort = SORTS.includes(search.sort ?? "") ? (search.sort as string) : "cost";
  const list = useInfiniteQuery(usersQuery(project, q, range.window, sort));
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const columns: Column<UserRow>[] = [
    {
      id: "user",
      label: "user",
      cell: (row) => (
        <Link to="/p/$project/users/$user" params={{ project, user: row.user }} search={rangeOnly(search)}>
          {row.user}
        </Link>
      ),
    },
    {
      id: "cost",
      label: "cost",
      align: "right",
      value: (row) => (row.cost === null ? null : Number(row.cost)),
      cell: (row) => boundedMoney(row.cost, row.unpriced),
    },
    { id: "calls", label: "calls", align: "right", value: (row) => row.calls, cell: (row) => formatInt(row.calls) },
    {
      id: "errors",
      label: "failed",
      align: "right",
      value: (row) => row.errors,
      cell: (row) =>
        row.errors ? (
          <span className={css.bad}>
            {formatInt(row.errors)} ({formatPercent(row.errors, row.calls)})
          </span>
        ) : (
          <span className="muted">0</span>
        ),
    },
    { id: "sessions", label: "sessions", align: "right", cell: (row) => formatInt(row.sessions) },
    {
      id: "tokens",
      label: "tokens",
      align: "right",
      value: (row) => row.tokens,
      cell: (row) => formatCompact(row.tokens),
    },
    { id: "p95", label: "p95", align: "right", cell: (row) => formatMs(row.p95) },
    {
      id: "last",
      label: "last seen",
      align: "right",
      value: (row) => row.last,
      cell: (row) => <span title={formatDateTime(row.last)}>{formatAgo(row.last, now)}</span>,
    },
  ];
  return (
    <SearchedPage
      project={project}
      page="users"
      title="Users"
      lead="Whoever your applications call for, as they name them."
      search={search}
      range={range}
      onChange={patch}
      onRefresh={tick}
      asked={list}
    >
      {list.data && rows.length === 0 && (
        <Empty title={q ? "No user matches" : "No users yet"}>
          <p>
            {q
              ? `Nobody in “${range.label}” has a call that fits this search.`
              : "Send the user with each call, as `user` in the body or as the header trimtab-user, and see here what each of them costs and who has trouble."}
          </p>
        </Empty>
      )}
      {rows.length > 0 && (
        <Panel>
          <DataTable
            label="Users"
            columns={columns}
            rows={rows}
            rowKey={(row) => row.user}
            sort={`-${sort}`}
            onSort={(next) => {
              const id = next.replace(/^-/, "");
              patch({ sort: id === "cost" ? undefined : id });
            }}
          />
        </Panel>
      )}
      {list.hasNextPage && (
        <Button variant="default" mt={12} loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          Show more
        </Button>
      )}
    </SearchedPage>
  );
}
