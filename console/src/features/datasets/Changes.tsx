import { Button, NativeSelect } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { datasetDiffQuery, datasetVersionsQuery } from "@/api/datasets";
import type { CaseChange, DatasetVersion, DatasetView } from "@/api/evaluationTypes";
import { DiffText } from "@/features/compare/DiffText";
import { formatAgo, formatDateTime, formatInt } from "@/lib/format";
import { Empty, Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { Pending } from "@/ui/Pending";
import css from "./datasets.module.css";
import { inputText, jsonText } from "./words";

interface Search {
  before?: string;
  after?: string;
  version?: string;
  view?: string;
}

interface Props {
  project: string;
  dataset: DatasetView;
  search: Search;
  onSearch: (change: Search, replace?: boolean) => void;
}

/** Who made which version and why, and what is different between any two. */
export function Changes({ project, dataset, search, onSearch }: Props) {
  const versions = useQuery(datasetVersionsQuery(project, dataset.name));
  const now = Date.now();
  if (versions.isError || !versions.data) return <Pending of={versions} height={240} />;
  if (versions.data.length === 0)
    return (
      <Empty title="No version yet">
        <p>The first case makes the first. Versions never change, so what was measured on one can be measured again.</p>
      </Empty>
    );
  const columns: Column<DatasetVersion>[] = [
    {
      id: "number",
      label: "version",
      cell: (row) => (
        <Button
          variant="subtle"
          size="compact-xs"
          onClick={() =>
            onSearch({ version: String(row.number), view: undefined, before: undefined, after: undefined })
          }
        >
          {row.number}
        </Button>
      ),
    },
    { id: "message", label: "what changed", cell: (row) => row.message || <span className="muted">no message</span> },
    { id: "cases", label: "cases", align: "right", cell: (row) => formatInt(row.cases) },
    {
      id: "splits",
      label: "splits",
      cell: (row) =>
        Object.entries(row.splits)
          .map(([name, count]) => `${name || "none"} ${count}`)
          .join(", "),
    },
    { id: "author", label: "by", cell: (row) => row.author_name },
    {
      id: "created",
      label: "when",
      align: "right",
      cell: (row) => <span title={formatDateTime(row.created)}>{formatAgo(row.created, now)}</span>,
    },
    {
      id: "diff",
      label: "",
      align: "right",
      cell: (row) =>
        row.parent === null ? null : (
          <Button
            variant="default"
            size="compact-xs"
            onClick={() => onSearch({ before: String(row.parent), after: String(row.number) })}
            aria-label={`Difference of version ${row.number}`}
          >
            Difference
          </Button>
        ),
    },
  ];
  return (
    <>
      <Panel>
        <DataTable label="Versions" columns={columns} rows={versions.data} rowKey={(row) => String(row.number)} />
      </Panel>
      {versions.data.length > 1 && (
        <Diff project={project} dataset={dataset} versions={versions.data} search={search} onSearch={onSearch} />
      )}
    </>
  );
}

function Diff({ project, dataset, versions, search, onSearch }: Props & { versions: DatasetVersion[] }) {
  const after = search.after ?? String(dataset.newest);
  const parent = versions.find((each) => String(each.number) === after)?.parent;
  const before = search.before ?? String(parent ?? versions.at(-1)?.number ?? 1);
  const found = useInfiniteQuery(datasetDiffQuery(project, dataset.name, before, after));
  const names = versions.map((each) => ({
    value: String(each.number),
    label: `${each.number}${each.message ? `: ${each.message.slice(0, 60)}` : ""}`,
  }));
  const first = found.data?.pages[0];
  const changes = found.data?.pages.flatMap((page) => page.changes) ?? [];
  return (
    <section aria-label="What changed" style={{ marginTop: 20 }}>
      <h2 className="sr-only">What changed</h2>
      <div className={css.bar}>
        <NativeSelect
          label="From"
          data={names}
          value={before}
          onChange={(event) => onSearch({ before: event.currentTarget.value, after }, true)}
        />
        <NativeSelect
          label="To"
          data={names}
          value={after}
          onChange={(event) => onSearch({ before, after: event.currentTarget.value }, true)}
        />
      </div>
      <Pending of={found} height={160} />
      {first && (
        <div className={css.changes} data-testid="diff">
          <p>
            <strong>{first.says}</strong>
          </p>
          {changes.map((change) => (
            <Change key={change.case_id} change={change} />
          ))}
          {found.hasNextPage && (
            <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
              Show more
            </Button>
          )}
        </div>
      )}
    </section>
  );
}

const TONES = { added: "accent", changed: "warn", removed: "bad" } as const;

function Change({ change }: { change: CaseChange }) {
  const shown = change.after ?? change.before;
  return (
    <article className={css.change} aria-label={`${change.case_id} ${change.kind}`}>
      <div className={css.changeHead}>
        <Tag tone={TONES[change.kind]}>{change.kind}</Tag>
        <code className="ellipsis">{change.case_id}</code>
        <span className="muted">{change.says}</span>
      </div>
      {change.fields.length === 0 && shown && <div className={css.words}>{inputText(shown.input)}</div>}
      {change.fields.map((field) => (
        <div key={field.field} className={css.part}>
          <h3>{field.field}</h3>
          <DiffText a={jsonText(field.before)} b={jsonText(field.after)} />
        </div>
      ))}
    </article>
  );
}
