import { ActionIcon, Button, Select, Skeleton, TextInput, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Download, Leaf, RefreshCw } from "lucide-react";
import { useEffect, useState } from "react";
import { API, inProject, withQuery } from "@/api/client";
import { costlyQuery, costsQuery, wasteQuery } from "@/api/queries";
import type { CostGroup } from "@/api/types";
import { useAnchor } from "@/lib/hooks";
import { addText, setOnly } from "@/search/language";
import { RangePicker } from "@/search/RangePicker";
import { fixedSearch, resolveRange } from "@/search/range";
import { Empty } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { FirstCall } from "../connect/FirstCall";
import { CostGroups } from "./CostGroups";
import { Costly } from "./Costly";
import { CostSeries } from "./CostSeries";
import { CostTiles } from "./CostTiles";
import css from "./costs.module.css";
import { EnergyTiles } from "./EnergyTiles";
import { moneyOf } from "./money";
import { Waste } from "./Waste";

export const COST_GROUPS: { value: CostGroup; label: string }[] = [
  { value: "model", label: "Model" },
  { value: "asked", label: "Called name" },
  { value: "name", label: "Own model" },
  { value: "provider", label: "Provider" },
  { value: "feature", label: "Feature" },
  { value: "segment", label: "User segment" },
  { value: "user", label: "User" },
  { value: "key", label: "Key" },
  { value: "app", label: "App" },
  { value: "release", label: "Release" },
  { value: "environment", label: "Environment" },
  { value: "prompt", label: "Prompt" },
  { value: "tag", label: "Tag" },
  { value: "session", label: "Session" },
  { value: "outcome", label: "Outcome" },
  { value: "price", label: "Price row" },
  { value: "tier", label: "Service tier" },
  { value: "day", label: "Day" },
];

/** "What do we pay, for what, and what of it need not be?" */
export function CostsPage() {
  const { project } = useParams({ from: "/inside/p/$project/costs" });
  const search = useSearch({ from: "/inside/p/$project/costs" });
  const navigate = useNavigate({ from: "/p/$project/costs" });
  const asked = search.range || search.start ? search : { ...search, range: "30d" };
  const { now, tick } = useAnchor(resolveRange(asked, 0).moving ? 60_000 : false);
  const range = resolveRange(asked, now);
  const q = search.q ?? "";
  const by = COST_GROUPS.find((group) => group.value === search.by)?.value ?? "model";
  const report = useQuery(costsQuery(project, q, range.window, by, search.energy === "1"));
  const waste = useQuery(wasteQuery(project, q, range.window));
  const costly = useQuery(costlyQuery(project, q, range.window));
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const only = (key: string, value: string) => patch({ q: setOnly(q, key, value) });
  const csv = `${API}${withQuery(inProject(project, "costs.csv"), { q, ...range.window, group_by: by })}`;
  const nothing = report.data?.totals.attempts === 0 && report.data.previous.attempts === 0 && !q;

  return (
    <Page
      title="Costs"
      lead={
        <>
          By your{" "}
          <Link to="/p/$project/prices" params={{ project }}>
            prices
          </Link>
          ; hold them{" "}
          <Link to="/p/$project/reconciliation" params={{ project }}>
            against a provider's bill
          </Link>
          .
        </>
      }
      actions={
        <>
          <RangePicker range={range} onChange={(change) => patch({ ...change, range: change.range ?? "24h" })} />
          <Button
            variant={search.energy === "1" ? "light" : "default"}
            size="sm"
            leftSection={<Leaf size={14} />}
            aria-pressed={search.energy === "1"}
            onClick={() => patch({ energy: search.energy === "1" ? undefined : "1" })}
          >
            Energy
          </Button>
          <Button component="a" href={csv} variant="default" size="sm" leftSection={<Download size={14} />} download>
            CSV
          </Button>
          <Tooltip label="Refresh">
            <ActionIcon variant="default" size={36} onClick={tick} aria-label="Refresh">
              <RefreshCw size={15} />
            </ActionIcon>
          </Tooltip>
        </>
      }
    >
      <FilterBox q={q} onChange={(next) => patch({ q: next || undefined })} />
      {report.error ? <ProblemNotice error={report.error} retry={tick} /> : null}
      {nothing ? (
        <FirstCall project={project} range={range.label} />
      ) : report.data ? (
        <>
          <CostTiles
            report={report.data}
            waste={waste.data}
            counting={waste.isPending}
            onUnpriced={() => only("priced", "false")}
          />
          {search.energy === "1" &&
            (report.isPlaceholderData && report.data.energy === null ? (
              <Skeleton height={150} mb={16} />
            ) : (
              <EnergyTiles report={report.data} />
            ))}
          <CostSeries
            report={report.data}
            onZoom={(start, end) => patch({ range: undefined, start: String(start), end: String(end) })}
          />
          <section className={css.panel} aria-label="Breakdown">
            <div className={css.panelHead}>
              <h2>By</h2>
              <Select
                size="xs"
                w={150}
                aria-label="Group by"
                data={COST_GROUPS}
                value={by}
                allowDeselect={false}
                onChange={(value) => patch({ by: value === "model" ? undefined : (value ?? undefined) })}
              />
            </div>
            <CostGroups
              report={report.data}
              by={by}
              project={project}
              sort={search.sort ?? "-cost"}
              onSort={(sort) => patch({ sort: sort === "-cost" ? undefined : sort })}
              q={q}
              range={asked.start ? fixedSearch(range.window.start, range.window.end) : { range: asked.range }}
              onOnly={(value) => only(by, value)}
            />
          </section>
          <section className={css.panel} aria-label="Waste">
            <div className={css.panelHead}>
              <h2>Paid, and need not have been</h2>
            </div>
            {waste.error ? (
              <ProblemNotice error={waste.error} />
            ) : (
              <Waste
                project={project}
                report={waste.data}
                money={moneyOf(report.data)}
                onOnly={(line) => patch({ q: addText(q, line) })}
              />
            )}
          </section>
          <Costly
            project={project}
            costly={costly.data}
            error={costly.error}
            money={moneyOf(report.data)}
            onPrompt={(prompt) => only("prompt", prompt)}
          />
        </>
      ) : report.error ? null : (
        <Skeleton height={420} radius={6} />
      )}
      {report.data?.totals.attempts === 0 && !nothing && (
        <Empty title="Nothing in this range">
          <p>The period before has calls. Choose a longer range, or change the filter.</p>
        </Empty>
      )}
    </Page>
  );
}

/** The filter is sent as it is written; the server says what it does not understand. */
function FilterBox({ q, onChange }: { q: string; onChange: (q: string) => void }) {
  const [text, setText] = useState(q);
  useEffect(() => setText(q), [q]);
  return (
    <form
      className={css.filter}
      onSubmit={(event) => {
        event.preventDefault();
        onChange(text.trim());
      }}
    >
      <TextInput
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={() => text.trim() !== q && onChange(text.trim())}
        placeholder="Filter, e.g. feature:chat model:gpt-4o* -outcome:answer cost:>0.01"
        aria-label="Filter"
        spellCheck={false}
      />
    </form>
  );
}
