import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { compareQuery } from "@/api/seen";
import type { PairRow, SpanRow, TraceComparison } from "@/api/types";
import { formatChange, formatDateTime, formatInt, formatMs, plural } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Tag } from "@/ui/bits";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { Tile, Tiles } from "@/ui/Tiles";
import css from "./compare.module.css";
import { PairDetail } from "./PairDetail";
import { PairTable } from "./PairTable";
import { Wanted } from "./Wanted";

/** "What is different between these two?" */
export function ComparePage() {
  const { project } = useParams({ from: "/inside/p/$project/compare" });
  const search = useSearch({ from: "/inside/p/$project/compare" });
  const { a, b } = search;
  if (!a || !b) return <Wanted key={`${a}/${b}`} project={project} a={a} b={b} />;
  return <Compared project={project} a={a} b={b} pair={search.pair} />;
}

function Compared({ project, a, b, pair }: { project: string; a: string; b: string; pair?: string }) {
  const navigate = useNavigate({ from: "/p/$project/compare" });
  const found = useQuery(compareQuery(project, a, b));
  const pairs = found.data?.pairs ?? [];
  const chosen = pairs[Number(pair)] ?? firstDifferent(pairs);
  return (
    <Page
      title="Compare"
      lead={
        <span className={css.which}>
          <TraceLink project={project} side="A" id={a} row={pairs[0]?.a} />
          <TraceLink project={project} side="B" id={b} row={pairs.find((each) => each.b)?.b} />
          <Link to="/p/$project/compare" params={{ project }} search={{ a: b, b: a }}>
            swap
          </Link>
        </span>
      }
    >
      <Pending of={found} height={320} />
      {found.data && <Totals found={found.data} />}
      {found.data && (
        <div className={css.two}>
          <section className={css.panel} aria-label="Spans side by side">
            <PairTable
              key={`${a}/${b}`}
              pairs={pairs}
              chosen={chosen}
              onSelect={(i) => void navigate({ search: (prev) => ({ ...prev, pair: String(i) }), replace: true })}
            />
            {found.data.more > 0 && (
              <p className={`muted ${css.more}`}>
                {plural(found.data.more, "more pair")} not shown{found.data.differing > 0 && ", the most alike"}.
              </p>
            )}
          </section>
          {chosen && <PairDetail key={`${chosen.a?.span_id}/${chosen.b?.span_id}`} project={project} pair={chosen} />}
        </div>
      )}
    </Page>
  );
}

/** The first pair with words that differ, else the first that differs at all, else the first. */
function firstDifferent(pairs: PairRow[]): PairRow | undefined {
  const worded = pairs.find((pair) => pair.differs.includes("answer") || pair.differs.includes("asked"));
  return worded ?? pairs.find((pair) => pair.differs.length > 0 || !pair.a || !pair.b) ?? pairs[0];
}

function TraceLink({ project, side, id, row }: { project: string; side: string; id: string; row?: SpanRow | null }) {
  return (
    <span>
      <Tag tone="accent">{side}</Tag>{" "}
      <Link to="/p/$project/traces/$traceId" params={{ project, traceId: id }}>
        <code>{id.slice(0, 12)}…</code>
      </Link>{" "}
      {row && formatDateTime(row.started)}
    </span>
  );
}

function Totals({ found }: { found: TraceComparison }) {
  const [a, b] = [found.pairs[0]?.a, found.pairs.find((pair) => pair.b)?.b];
  return (
    <Tiles label="Differences" testId="comparison" across={5}>
      <Tile
        label="Duration"
        foot={a && b ? formatChange(b.duration, a.duration).text : ""}
        value={signed(found.duration_change, formatMs)}
      />
      <Tile
        label="Cost"
        foot={found.cost_change === null ? "one of them has no price" : ""}
        value={found.cost_change === null ? "–" : signed(Number(found.cost_change), (v) => formatMoney(String(v)))}
      />
      <Tile label="Tokens" foot="" value={signed(found.tokens_change, formatInt)} />
      <Tile
        label="Spans that differ"
        foot={`of ${formatInt(found.pairs.length + found.more)}`}
        value={formatInt(found.differing)}
      />
      <Tile label="Only in one" foot="" value={`${formatInt(found.only_a)} A, ${formatInt(found.only_b)} B`} />
    </Tiles>
  );
}

function signed(value: number, print: (value: number) => string): string {
  if (value === 0) return "same";
  return `${value > 0 ? "+" : "−"}${print(Math.abs(value))}`;
}
