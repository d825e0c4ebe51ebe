import { SegmentedControl } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { inProject, post } from "@/api/client";
import { cacheQuery } from "@/api/queries";
import type { CacheNameView } from "@/api/types";
import { formatCompact, formatInt, formatPercent } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Empty } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { Code } from "@/ui/Copy";
import { type Column, DataTable } from "@/ui/DataTable";
import { IconButton } from "@/ui/IconButton";
import { Notice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { Tile, Tiles } from "@/ui/Tiles";
import { WriteButton } from "@/ui/WriteButton";
import { CallPolicies } from "./CallPolicies";
import css from "./cache.module.css";

const DAYS = [
  { value: "1", label: "today" },
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
];

const FIRST = `models:
  fast:
    provider: openai
    model: gpt-4o-mini
    cache: {mode: exact, ttl: 3600}`;

/** "What did we not have to pay again, and what is kept for it?" */
export function CachePage() {
  const { project } = useParams({ from: "/inside/p/$project/cache" });
  const search = useSearch({ from: "/inside/p/$project/cache" });
  const navigate = useNavigate({ from: "/p/$project/cache" });
  const days = DAYS.find((each) => each.value === search.days)?.value ?? "7";
  const cache = useQuery(cacheQuery(project, Number(days)));
  const [purging, setPurging] = useState<string | null>(null);
  const queries = useQueryClient();
  const purge = useMutation({
    mutationFn: (name: string) => post(inProject(project, "cache", "purge"), name ? { name } : {}),
    onSuccess: async () => {
      setPurging(null);
      await queries.invalidateQueries({ queryKey: ["cache", project] });
    },
  });
  const total = cache.data?.total;
  const columns = columnsOf((name) => setPurging(name));
  return (
    <Page
      title="Cache"
      lead="Answers that are kept and given again. It is on for a model or route only where you say so."
      actions={
        <>
          <SegmentedControl
            size="xs"
            aria-label="Days"
            data={DAYS}
            value={days}
            onChange={(value) => void navigate({ search: { days: value === "7" ? undefined : value } })}
          />
          <WriteButton
            needs="cache:write"
            variant="default"
            size="sm"
            leftSection={<Trash2 size={14} />}
            onClick={() => setPurging("")}
            why={total?.answers ? undefined : "Nothing is kept."}
          >
            Purge all
          </WriteButton>
        </>
      }
    >
      <Pending of={cache} height={180} />
      {cache.data?.items.length === 0 && (
        <Empty title="Nothing is cached yet">
          <p>
            The exact cache answers a repeated request in a millisecond and for nothing. The semantic cache also answers
            questions that mean the same. Switch it on for a name below, or in the config file:
          </p>
          <Code text={FIRST} wrap />
        </Empty>
      )}
      {cache.data && total && cache.data.items.length > 0 && (
        <>
          <Tiles label="Totals" testId="cache-tiles" across={4}>
            <Tile
              label="Saved"
              value={formatMoney(total.saved)}
              foot={`${formatCompact(total.tokens)} tokens not used again`}
            />
            <Tile
              label="Hit rate"
              value={total.hit_rate === null ? "–" : formatPercent(total.hit_rate, 1)}
              foot={`${formatInt(total.exact + total.semantic)} of ${formatInt(total.exact + total.semantic + total.misses)} look-ups`}
            />
            <Tile label="Kept" value={formatCompact(total.answers)} foot={`answers, ${formatCompact(total.bytes)} B`} />
            <Tile label="Passed by" value={formatCompact(total.bypassed)} foot="calls that were not to be kept" />
          </Tiles>
          {total.bypassed > total.exact + total.semantic + total.misses && (
            <div className={css.above}>
              <Notice tone="warn" title="Most calls pass the cache by">
                Only calls with <code>"temperature": 0</code> are kept, and most clients send none: let a name below
                keep “also answers that were drawn at random”, where a repeated answer is as good as a new one. Each
                answer says why it passed: <code>trimtab-cache: bypass; reason=…</code>
              </Notice>
            </div>
          )}
          {cache.data.embedder && (
            <Notice tone="warn" title="Nothing can be found by meaning now">
              {cache.data.embedder}
            </Notice>
          )}
          <div className={`${css.panel} ${css.above}`}>
            <DataTable label="Cache by name" columns={columns} rows={cache.data.items} rowKey={(row) => row.name} />
          </div>
        </>
      )}
      <CallPolicies project={project} />
      <Confirm
        opened={purging !== null}
        title={purging ? `Purge the answers of ${purging}?` : "Purge every kept answer?"}
        action="Purge"
        busy={purge.isPending}
        error={purge.error}
        onConfirm={() => purging !== null && purge.mutate(purging)}
        onClose={() => setPurging(null)}
      >
        The next calls ask the provider again and are paid. Counts and savings stay.
      </Confirm>
    </Page>
  );
}

function columnsOf(onPurge: (name: string) => void): Column<CacheNameView>[] {
  const number = (id: string, label: string, pick: (row: CacheNameView) => number): Column<CacheNameView> => ({
    id,
    label,
    align: "right",
    cell: (row) => formatInt(pick(row)),
  });
  return [
    { id: "name", label: "called name", cell: (row) => <strong>{row.name}</strong> },
    {
      id: "rate",
      label: "hit rate",
      align: "right",
      cell: (row) => (row.hit_rate === null ? "–" : formatPercent(row.hit_rate, 1)),
    },
    number("exact", "exact hits", (row) => row.exact),
    number("semantic", "by meaning", (row) => row.semantic),
    number("misses", "misses", (row) => row.misses),
    number("bypassed", "passed by", (row) => row.bypassed),
    number("answers", "kept", (row) => row.answers),
    { id: "saved", label: "saved", align: "right", cell: (row) => formatMoney(row.saved) },
    {
      id: "purge",
      label: "purge",
      align: "right",
      cell: (row) => (
        <IconButton
          icon={Trash2}
          needs="cache:write"
          onClick={() => onPurge(row.name)}
          why={row.answers ? undefined : "Nothing is kept."}
          label={`Purge ${row.name}`}
        />
      ),
    },
  ];
}
