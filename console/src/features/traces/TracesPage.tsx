import { ActionIcon, Button, Drawer, Skeleton, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { PanelLeft, RefreshCw, SlidersHorizontal } from "lucide-react";
import { useState } from "react";
import { facetsQuery } from "@/api/queries";
import { formatInt, formatMs } from "@/lib/format";
import { useAnchor, useIsNarrow, useShortcuts } from "@/lib/hooks";
import { useKeyName } from "@/lib/keyName";
import { FacetPanel } from "@/search/Facets";
import { RangePicker } from "@/search/RangePicker";
import { resolveRange } from "@/search/range";
import { SEARCH_INPUT_ID, SearchBar } from "@/search/SearchBar";
import { Empty } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import { useTitle } from "@/ui/Page";
import { FirstCall } from "../connect/FirstCall";
import { SavedViews } from "../views/SavedViews";
import { AddFound } from "./AddFound";
import { Peek } from "./Peek";
import { TraceGrid } from "./TraceGrid";
import css from "./traces.module.css";
import type { TailState } from "./useTail";
import { useTraceList } from "./useTraceList";

const LIVE: Record<TailState, { label: string; told: string }> = {
  off: { label: "Paused", told: "Follow new calls" },
  connecting: { label: "Live", told: "New calls appear by themselves" },
  live: { label: "Live", told: "New calls appear by themselves" },
  reconnecting: { label: "Reconnecting", told: "The stream of new calls broke off; it is asked for again" },
  polling: { label: "Live, asking", told: "No stream can be had now: the list is asked for every 1.5 seconds" },
};

/** "Which calls were made, and which of them need a look?" */
export function TracesPage() {
  useTitle("Traces");
  const { project } = useParams({ from: "/inside/p/$project/traces" });
  const search = useSearch({ from: "/inside/p/$project/traces" });
  const navigate = useNavigate({ from: "/p/$project/traces" });
  const narrow = useIsNarrow();
  const [facetDrawer, setFacetDrawer] = useState(false);
  const { now, tick } = useAnchor();
  const range = resolveRange(search, now);
  const q = search.q ?? "";
  const live = range.moving && search.live !== "0";
  const showFacets = search.facets !== "0";
  const peek = narrow ? "" : (search.peek ?? "");
  const [reading, setReading] = useState(false);
  const list = useTraceList(project, q, range.window, live, reading || peek !== "", tick);
  const facets = useQuery(facetsQuery(project, q, range.window));
  const ofKeys = facets.data?.find((facet) => facet.key === "key")?.values ?? [];
  const keyName = useKeyName(
    project,
    ofKeys.map((each) => each.value),
  );

  const patch = (change: Partial<typeof search>, replace = false) =>
    void navigate({ search: (prev) => ({ ...prev, ...change }), replace });
  const setQ = (next: string) => {
    tick();
    patch({ q: next || undefined, peek: undefined });
  };
  const open = (traceId: string) => void navigate({ to: "/p/$project/traces/$traceId", params: { project, traceId } });
  useShortcuts({
    "/": () => document.getElementById(SEARCH_INPUT_ID)?.focus(),
    // While the next page is still being fetched this one is on show, but the address is not its own any more.
    Escape: () => peek && window.location.pathname.endsWith("/traces") && patch({ peek: undefined }),
  });

  const empty = !list.loading && !list.error && list.rows.length === 0;
  const facetPanel = (
    <FacetPanel
      facets={facets.data ?? []}
      q={q}
      onChange={setQ}
      label={(key, value) => (key === "key" ? keyName(value) : value)}
    />
  );
  return (
    <div className={css.page}>
      <div className={css.top}>
        <div className={css.titleRow}>
          <h1>Traces</h1>
          <Freshness behindMs={list.behindMs} />
        </div>
        <div className={css.bar}>
          <Tooltip label={showFacets ? "Hide the filters" : "Show the filters"}>
            <ActionIcon
              variant="default"
              size={34}
              aria-label="Filters"
              aria-pressed={narrow ? facetDrawer : showFacets}
              onClick={() => (narrow ? setFacetDrawer(true) : patch({ facets: showFacets ? "0" : undefined }, true))}
            >
              {narrow ? <SlidersHorizontal size={15} /> : <PanelLeft size={15} />}
            </ActionIcon>
          </Tooltip>
          <SearchBar project={project} window={range.window} q={q} onChange={setQ} facets={facets.data ?? []} />
          <RangePicker
            range={range}
            onChange={(change) => {
              tick();
              patch({ ...change, peek: undefined });
            }}
          />
          <SavedViews
            project={project}
            page="traces"
            q={q}
            last={range.preset}
            onApply={(view) => {
              tick();
              const kept = view.last ? { range: view.last, start: undefined, end: undefined } : {};
              patch({ q: view.q || undefined, peek: undefined, ...kept });
            }}
          />
          {range.moving && (
            <Tooltip label={LIVE[live ? list.tail : "off"].told}>
              <Button
                variant="default"
                size="sm"
                px={10}
                aria-pressed={live}
                onClick={() => {
                  tick();
                  patch({ live: live ? "0" : undefined }, true);
                }}
                leftSection={<span className={css.live} data-on={live} data-state={list.tail} />}
                data-testid="live"
                data-state={live ? list.tail : "off"}
              >
                {LIVE[live ? (list.tail === "off" ? "connecting" : list.tail) : "off"].label}
              </Button>
            </Tooltip>
          )}
          {!live && (
            <ActionIcon variant="default" size={34} aria-label="Refresh" onClick={tick}>
              <RefreshCw size={15} />
            </ActionIcon>
          )}
        </div>
      </div>
      {list.error && (
        <div style={{ padding: "0 20px 12px" }}>
          <ProblemNotice error={list.error} retry={tick} />
        </div>
      )}
      <div className={css.body} data-facets={showFacets && !narrow} data-peek={peek !== ""}>
        {showFacets && !narrow && (
          <aside className={css.facetPane} aria-label="Filters">
            {facetPanel}
          </aside>
        )}
        <section className={css.listPane} aria-label="Calls">
          {list.loading && !list.error && <Loading />}
          {empty &&
            (q ? (
              <NothingFound onClear={() => setQ("")} range={range.label} />
            ) : (
              <FirstCall project={project} range={range.label} />
            ))}
          {list.rows.length > 0 && (
            <TraceGrid
              list={list}
              selected={peek}
              onPeek={(id) => patch({ peek: id }, peek !== "")}
              onOpen={open}
              onClose={() => patch({ peek: undefined })}
              onReading={setReading}
            />
          )}
          {list.rows.length > 0 && (
            <div className={css.foot}>
              <span className="num" role="status">
                {formatInt(list.rows.length)} calls{list.hasMore ? ", more below" : ""}
              </span>
              <AddFound project={project} q={q} window={range.window} />
              {list.loadingMore && <span>loading…</span>}
            </div>
          )}
        </section>
        {peek && (
          <Peek project={project} traceId={peek} onClose={() => patch({ peek: undefined })} onOpen={() => open(peek)} />
        )}
      </div>
      <Drawer
        opened={facetDrawer && narrow}
        onClose={() => setFacetDrawer(false)}
        title={<strong>Filters</strong>}
        size={300}
        position="right"
      >
        {facetPanel}
      </Drawer>
    </div>
  );
}

/** What was received but is not on show yet is said, so that an absent call is not a lost one. */
function Freshness({ behindMs }: { behindMs: number }) {
  if (behindMs < 1000) return null;
  return (
    <span className="num" role="status" style={{ color: "var(--warn)" }}>
      received, indexing: {formatMs(behindMs)} behind
    </span>
  );
}

function Loading() {
  return (
    <div style={{ padding: "12px 16px", display: "grid", gap: 12 }} aria-busy="true">
      {Array.from({ length: 12 }, (_, i) => (
        <Skeleton key={i} height={18} radius={3} />
      ))}
    </div>
  );
}

function NothingFound({ onClear, range }: { onClear: () => void; range: string }) {
  return (
    <Empty title="No call matches">
      <p>Nothing in “{range}” fits this search. Take a filter away, or widen the time range.</p>
      <Button size="sm" variant="default" onClick={onClear}>
        Clear the search
      </Button>
    </Empty>
  );
}
