import { Select, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type GuardView, guardDiffQuery, guardVersionsQuery } from "@/api/guards";
import { formatAgo, formatDateTime } from "@/lib/format";
import { Panel } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import css from "./guards.module.css";
import { ActionWord, ModeSign } from "./Signs";
import { actionOf, fieldWords, modeOf } from "./words";

interface Props {
  project: string;
  guard: GuardView;
  /** From the address; what is no version is the newest and the one before. */
  after: string | undefined;
  before: string | undefined;
  onCompare: (before: string | undefined, after: string | undefined) => void;
}

/** Which versions there were, by whom, and what changed between any two. */
export function Versions({ project, guard, after, before, onCompare }: Props) {
  const versions = useQuery(guardVersionsQuery(project, guard.name));
  const known = (text: string | undefined) => versions.data?.find((each) => String(each.version) === text)?.version;
  const newer = known(after) ?? guard.version;
  const older = known(before) ?? newer - 1;
  const diff = useQuery(guardDiffQuery(project, guard.name, older, newer));
  const choices = (versions.data ?? []).map((each) => ({
    value: String(each.version),
    label: `version ${each.version}`,
  }));
  return (
    <>
      <Pending of={versions} height={160} />
      {versions.data && (
        <Panel>
          <DataTable
            label="Versions"
            columns={columns((version) => onCompare(undefined, String(version)))}
            rows={versions.data}
            rowKey={(row) => String(row.version)}
          />
        </Panel>
      )}
      <section className={css.section} aria-label="What changed">
        <div className={css.search} style={{ marginBottom: 10, alignItems: "center" }}>
          <h2 className={css.heading} style={{ margin: 0 }}>
            What changed
          </h2>
          <Select
            size="xs"
            w={130}
            aria-label="From"
            data={[{ value: "0", label: "nothing" }, ...choices]}
            value={String(older)}
            allowDeselect={false}
            onChange={(value) => onCompare(value ?? undefined, String(newer))}
          />
          <Select
            size="xs"
            w={130}
            aria-label="To"
            data={choices}
            value={String(newer)}
            allowDeselect={false}
            onChange={(value) => onCompare(String(older), value ?? undefined)}
          />
        </div>
        {diff.isError && <ProblemNotice error={diff.error} />}
        {diff.isPending && <Skeleton height={120} />}
        {diff.data?.changes.length === 0 && <p className="muted">They say the same.</p>}
        {diff.data && diff.data.changes.length > 0 && (
          <Panel>
            <DataTable label="What changed" columns={CHANGES} rows={diff.data.changes} rowKey={(row) => row.field} />
          </Panel>
        )}
      </section>
    </>
  );
}

function columns(onCompare: (version: number) => void): Column<GuardView>[] {
  const now = Date.now();
  return [
    {
      id: "version",
      label: "version",
      cell: (row) => (
        <button
          type="button"
          className={css.link}
          onClick={() => onCompare(row.version)}
          aria-label={`What version ${row.version} changed`}
        >
          {row.version}
        </button>
      ),
    },
    { id: "mode", label: "mode", cell: (row) => <ModeSign mode={modeOf(row.spec)} /> },
    { id: "action", label: "then it", cell: (row) => <ActionWord action={actionOf(row.spec)} /> },
    { id: "message", label: "what changed and why", cell: (row) => row.message || <span className="muted">–</span> },
    { id: "author", label: "by", cell: (row) => row.author },
    {
      id: "created",
      label: "when",
      align: "right",
      cell: (row) => <span title={formatDateTime(row.created)}>{formatAgo(row.created, now)}</span>,
    },
  ];
}

const CHANGES: Column<{ field: string; before: unknown; after: unknown }>[] = [
  {
    id: "field",
    label: "of",
    cell: (row) => <strong>{row.field.replace(/^options\./, "").replaceAll("_", " ")}</strong>,
  },
  {
    id: "before",
    label: "was",
    cell: (row) => <code className={css.before}>{fieldWords(row.field, row.before)}</code>,
  },
  { id: "after", label: "is", cell: (row) => <code>{fieldWords(row.field, row.after)}</code> },
];
