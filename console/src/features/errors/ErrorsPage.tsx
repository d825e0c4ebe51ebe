import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { ChevronDown, ChevronRight } from "lucide-react";
import { causesQuery } from "@/api/seen";
import type { CauseRow } from "@/api/types";
import { formatAgo, formatDateTime, formatInt, plural } from "@/lib/format";
import { useAnchor } from "@/lib/hooks";
import { setOnly } from "@/search/language";
import { rangeOnly, resolveRange } from "@/search/range";
import { Empty, Facts, Tag } from "@/ui/bits";
import { SearchedPage } from "../views/SearchedPage";
import css from "./errors.module.css";

/** "What goes wrong, how often, since when, and whom does it hit?" */
export function ErrorsPage() {
  const { project } = useParams({ from: "/inside/p/$project/errors" });
  const search = useSearch({ from: "/inside/p/$project/errors" });
  const navigate = useNavigate({ from: "/p/$project/errors" });
  const { now, tick } = useAnchor(resolveRange(search, 0).moving ? 15_000 : false);
  const range = resolveRange(search, now);
  const q = search.q ?? "";
  const causes = useQuery(causesQuery(project, q, range.window));
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const most = Math.max(...(causes.data?.items ?? []).flatMap((row) => row.counts), 1);
  return (
    <SearchedPage
      project={project}
      page="errors"
      title="Errors"
      lead="Failures that say the same thing are one cause."
      search={search}
      range={range}
      onChange={patch}
      onRefresh={tick}
      asked={causes}
    >
      {causes.data?.items.length === 0 && (
        <Empty title="Nothing failed">
          <p>
            {q
              ? `No failure in “${range.label}” fits this search.`
              : `No span in “${range.label}” ended with an error.`}
          </p>
        </Empty>
      )}
      {causes.data && causes.data.items.length > 0 && (
        <ul className={css.causes} aria-label="Causes">
          {causes.data.items.map((row) => (
            <Cause
              key={row.cause}
              project={project}
              row={row}
              most={most}
              now={now}
              range={rangeOnly(search)}
              opened={search.cause === row.cause}
              onToggle={() => patch({ cause: search.cause === row.cause ? undefined : row.cause })}
            />
          ))}
        </ul>
      )}
      {causes.data && causes.data.more > 0 && (
        <p className="muted">{plural(causes.data.more, "rarer cause")} not shown; narrow the search to see them.</p>
      )}
    </SearchedPage>
  );
}

interface CauseProps {
  project: string;
  row: CauseRow;
  most: number;
  now: number;
  range: ReturnType<typeof rangeOnly>;
  opened: boolean;
  onToggle: () => void;
}

function Cause({ project, row, most, now, range, opened, onToggle }: CauseProps) {
  const Chevron = opened ? ChevronDown : ChevronRight;
  const healed = row.traces - row.failed;
  return (
    <li>
      <button type="button" className={css.head} aria-expanded={opened} onClick={onToggle}>
        <Chevron size={15} aria-hidden="true" />
        <span className={css.what}>
          <span className={css.pattern}>{row.pattern || "It failed without a message."}</span>
          <span className={css.tags}>
            {row.code && <code>{row.code}</code>}
            {row.source && <Tag>{row.source}</Tag>}
            {row.models.length > 0 && <span className="muted">{row.models.join(", ")}</span>}
          </span>
        </span>
        <Spark counts={row.counts} most={most} />
        <span className={css.numbers}>
          <strong className="num">{plural(row.traces, "trace")}</strong>
          <span className="num muted" title={`first ${formatDateTime(row.first)}`}>
            {formatAgo(row.last, now)}
          </span>
        </span>
      </button>
      {opened && (
        <div className={css.body}>
          <pre className={css.message}>{row.message || "(no message)"}</pre>
          <Facts
            rows={[
              ["Failed for the caller", `${formatInt(row.failed)} of ${plural(row.traces, "trace")}`],
              ["Healed", healed > 0 && `${plural(healed, "trace")}: a retry or a fallback answered`],
              ["Spans", formatInt(row.spans)],
              ["Users", row.users > 0 && formatInt(row.users)],
              ["Providers", row.providers.join(", ")],
              ["First seen", formatDateTime(row.first)],
              ["Last seen", formatDateTime(row.last)],
            ]}
          />
          <div>
            <h3 className={css.small}>Newest</h3>
            <ul className={css.examples}>
              {row.examples.map((each) => (
                <li key={each.span_id}>
                  <Link
                    to="/p/$project/traces/$traceId"
                    params={{ project, traceId: each.trace_id }}
                    search={{ span: each.span_id }}
                  >
                    {formatDateTime(each.at)}
                  </Link>{" "}
                  <code className="muted">{each.trace_id.slice(0, 12)}…</code>
                </li>
              ))}
            </ul>
            {row.code && (
              <Link
                to="/p/$project/traces"
                params={{ project }}
                search={{ ...range, q: setOnly("status:error", "error", row.code) }}
              >
                All calls that failed with {row.code}
              </Link>
            )}
          </div>
        </div>
      )}
    </li>
  );
}

const WIDTH = 120;
const HEIGHT = 26;

/** How often over the range; every cause against the same highest step, so that they can be compared. */
function Spark({ counts, most }: { counts: number[]; most: number }) {
  const width = WIDTH / Math.max(1, counts.length);
  return (
    <svg className={css.spark} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <line x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} className={css.base} />
      {counts.map((count, i) => {
        const height = count === 0 ? 0 : Math.max(2, (HEIGHT - 2) * (count / most));
        return (
          <rect
            key={i}
            x={i * width}
            y={HEIGHT - height}
            width={Math.max(1, width - (width > 3 ? 1 : 0))}
            height={height}
          />
        );
      })}
    </svg>
  );
}
