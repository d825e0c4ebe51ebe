import { ActionIcon, SegmentedControl, Select, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { RefreshCw } from "lucide-react";
import { facetsQuery, overviewQuery } from "@/api/queries";
import type { GroupBy } from "@/api/types";
import { useAnchor, useIsNarrow } from "@/lib/hooks";
import { RangePicker } from "@/search/RangePicker";
import { rangeOnly, resolveRange } from "@/search/range";
import { SearchBar } from "@/search/SearchBar";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { FirstCall } from "../connect/FirstCall";
import { Breakdown } from "./Breakdown";
import { Charts } from "./Charts";
import css from "./overview.module.css";
import { Tiles } from "./Tiles";

export const GROUPS: { value: GroupBy; label: string }[] = [
  { value: "model", label: "Model" },
  { value: "feature", label: "Feature" },
  { value: "provider", label: "Provider" },
  { value: "user", label: "User" },
  { value: "key", label: "Key" },
];

/** "What is going on, and is it more or worse than before?" */
export function OverviewPage() {
  const { project } = useParams({ from: "/inside/p/$project/overview" });
  const search = useSearch({ from: "/inside/p/$project/overview" });
  const navigate = useNavigate({ from: "/p/$project/overview" });
  const moving = resolveRange(search, 0).moving;
  const { now, tick } = useAnchor(moving ? 15_000 : false);
  const range = resolveRange(search, now);
  const q = search.q ?? "";
  const by = GROUPS.find((g) => g.value === search.by)?.value ?? "model";
  const whole = useQuery(overviewQuery(project, q, range.window, "none"));
  const grouped = useQuery(overviewQuery(project, q, range.window, by));
  const facets = useQuery(facetsQuery(project, q, range.window));
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });

  const error = whole.error ?? grouped.error;
  const nothing = whole.data && whole.data.totals.calls === 0 && whole.data.previous.calls === 0 && !q;
  return (
    <Page
      title="Overview"
      actions={
        <>
          <RangePicker range={range} onChange={(change) => patch(change)} />
          <Tooltip label="Refresh">
            <ActionIcon
              variant="default"
              size={36}
              onClick={tick}
              aria-label="Refresh"
              loading={whole.isFetching && !whole.data}
            >
              <RefreshCw size={15} />
            </ActionIcon>
          </Tooltip>
        </>
      }
    >
      <div className={css.search}>
        <SearchBar
          project={project}
          window={range.window}
          q={q}
          onChange={(next) => patch({ q: next || undefined })}
          facets={facets.data ?? []}
        />
      </div>
      {error ? <ProblemNotice error={error} retry={tick} /> : null}
      {nothing ? (
        <FirstCall project={project} range={range.label} />
      ) : error && !whole.data ? null : (
        <>
          <Tiles overview={whole.data} project={project} q={q} range={rangeOnly(search)} />
          <Charts
            overview={whole.data}
            onZoom={(start, end) => patch({ range: undefined, start: String(start), end: String(end) })}
          />
          <section className={css.breakdown} aria-label="Breakdown">
            <div className={css.breakdownHead}>
              <h2>By</h2>
              <GroupPicker by={by} onChange={(value) => patch({ by: value === "model" ? undefined : value })} />
            </div>
            <Breakdown
              overview={grouped.data}
              by={by}
              project={project}
              q={q}
              range={rangeOnly(search)}
              sort={search.sort ?? "-calls"}
              onSort={(sort) => patch({ sort: sort === "-calls" ? undefined : sort })}
            />
          </section>
        </>
      )}
    </Page>
  );
}

function GroupPicker({ by, onChange }: { by: GroupBy; onChange: (by: string) => void }) {
  const narrow = useIsNarrow();
  if (narrow) {
    return (
      <Select size="xs" aria-label="Group by" data={GROUPS} value={by} onChange={(v) => v && onChange(v)} w={130} />
    );
  }
  return <SegmentedControl size="xs" aria-label="Group by" data={GROUPS} value={by} onChange={onChange} />;
}
