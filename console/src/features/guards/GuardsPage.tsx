import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { type GuardKind, type GuardView, guardKindsQuery, guardReportQuery, guardsQuery } from "@/api/guards";
import { formatInt } from "@/lib/format";
import { READ_ONLY, useMay } from "@/lib/role";
import { Empty, Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { Tabs } from "@/ui/Tabs";
import { WriteButton } from "@/ui/WriteButton";
import { GuardEditor } from "./GuardEditor";
import css from "./guards.module.css";
import { LookUp } from "./LookUp";
import { percent } from "./point";
import { Refusals } from "./Refusals";
import { Services } from "./Services";
import { ActionWord, ModeSign } from "./Signs";
import { actedOf, actionOf, modeOf, STAGES, stagesOf, whereWords } from "./words";

const VIEWS = [
  { id: "guards", label: "Guards" },
  { id: "services", label: "Services" },
  { id: "told", label: "What users are told" },
  { id: "why", label: "Why was it stopped?" },
] as const;
const DAYS = 7;

/** "What stands between users and models, and what does it stop?" */
export function GuardsPage() {
  const { project } = useParams({ from: "/inside/p/$project/guards" });
  const search = useSearch({ from: "/inside/p/$project/guards" });
  const navigate = useNavigate({ from: "/p/$project/guards" });
  const kinds = useQuery(guardKindsQuery(project));
  const view = VIEWS.find((each) => each.id === search.view)?.id ?? "guards";
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const made = kinds.data?.find((each) => each.name === search.new);
  return (
    <Page
      title="Guards"
      lead="What looks at questions, texts, tools and answers before they pass."
      actions={
        <WriteButton
          needs="guard:write"
          size="sm"
          leftSection={<Plus size={15} />}
          onClick={() => patch({ view: undefined, new: "choose" })}
        >
          New guard
        </WriteButton>
      }
    >
      <Tabs
        label="Views"
        tabs={VIEWS}
        value={view}
        onChange={(id) => void navigate({ search: { view: id === "guards" ? undefined : id } })}
      >
        {view === "guards" && (
          <List
            project={project}
            kinds={kinds.data ?? []}
            archived={search.archived === "1"}
            onArchived={(on) => patch({ archived: on ? "1" : undefined })}
            choosing={search.new === "choose"}
            onKind={(name) => patch({ new: name })}
          />
        )}
        {view === "services" && <Services project={project} edit={search.edit} onEdit={(edit) => patch({ edit })} />}
        {view === "told" && <Refusals project={project} />}
        {view === "why" && <LookUp project={project} reference={search.ref ?? ""} onLook={(ref) => patch({ ref })} />}
      </Tabs>
      {kinds.isError && <ProblemNotice error={kinds.error} retry={() => void kinds.refetch()} />}
      {made && (
        <GuardEditor
          key={made.name}
          project={project}
          kind={made}
          guard={undefined}
          onClose={() => patch({ new: undefined })}
          onSaved={(guard) =>
            void navigate({ to: "/p/$project/guards/$guard", params: { project, guard }, search: {} })
          }
        />
      )}
    </Page>
  );
}

interface ListProps {
  project: string;
  kinds: GuardKind[];
  archived: boolean;
  onArchived: (on: boolean) => void;
  choosing: boolean;
  onKind: (name: string) => void;
}

function List({ project, kinds, archived, onArchived, choosing, onKind }: ListProps) {
  const guards = useQuery(guardsQuery(project, archived));
  const none = guards.data?.length === 0;
  return (
    <>
      <Pending of={guards} height={180} />
      {guards.data && guards.data.length > 0 && (
        <Panel>
          <DataTable label="Guards" columns={columns(project, kinds)} rows={guards.data} rowKey={(row) => row.name} />
        </Panel>
      )}
      {none && archived && <p className="muted">Nothing was put away.</p>}
      {none && !archived && (
        <Empty title="Nothing is guarded yet">
          <p>
            A guard looks at what passes and flags, redacts or blocks it. Begin with one in shadow mode: it changes
            nothing, and after a day its report says how many calls it would have stopped, with a link to each.
          </p>
        </Empty>
      )}
      {guards.data && (choosing || (none && !archived)) && <Kinds kinds={kinds} onKind={onKind} />}
      {guards.data && (
        <Button variant="subtle" mt={12} onClick={() => onArchived(!archived)}>
          {archived ? "Show those in use" : "Show what was put away"}
        </Button>
      )}
    </>
  );
}

const NEEDS = {
  cpu: "no model is asked",
  embed: "uses the local embedder",
  model: "asks a model: costs a call",
  service: "asks another server: texts go there",
};

/** Kinds to make a guard of. */
function Kinds({ kinds, onKind }: { kinds: readonly GuardKind[]; onKind: (name: string) => void }) {
  const may = useMay("guard:write");
  return (
    <section className={css.section} aria-label="Make one of">
      <h2 className={css.heading}>Make one of</h2>
      <ul className={css.kinds}>
        {kinds.map((kind) => (
          <li key={kind.name}>
            <button
              type="button"
              className={css.kind}
              disabled={!may}
              title={may ? undefined : READ_ONLY}
              onClick={() => onKind(kind.name)}
            >
              <strong>{kind.name.replaceAll("_", " ")}</strong>
              <span>{kind.about}</span>
              <span className="muted">
                {NEEDS[kind.needs]}
                {kind.stages.includes("output") && kind.window === null && "; answers are judged whole"}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function columns(project: string, kinds: readonly GuardKind[]): Column<GuardView>[] {
  return [
    {
      id: "name",
      label: "guard",
      cell: (row) => (
        <>
          <Link to="/p/$project/guards/$guard" params={{ project, guard: row.name }} search={{}}>
            <strong>{row.name}</strong>
          </Link>
          <div className="muted">
            {row.spec.kind.replaceAll("_", " ")}, version {row.version}
          </div>
        </>
      ),
    },
    { id: "mode", label: "mode", cell: (row) => <ModeSign mode={modeOf(row.spec)} /> },
    { id: "action", label: "then it", cell: (row) => <ActionWord action={actionOf(row.spec)} /> },
    {
      id: "stages",
      label: "looks at",
      cell: (row) => (
        <span className={css.tags}>
          {stagesOf(row.spec, kinds.find((kind) => kind.name === row.spec.kind)?.stages ?? []).map((stage) => (
            <Tag key={stage} title={STAGES[stage].about}>
              {STAGES[stage].label}
            </Tag>
          ))}
        </span>
      ),
    },
    { id: "point", label: "false alarms", cell: (row) => <Point guard={row} /> },
    { id: "where", label: "holds for", cell: (row) => whereWords(row.spec) },
    {
      id: "week",
      label: `last ${DAYS} days`,
      align: "right",
      cell: (row) => <Week project={project} guard={row} />,
    },
  ];
}

/** What its threshold was chosen for, and whether that still holds. */
function Point({ guard }: { guard: GuardView }) {
  const { point } = guard;
  if (!point) return <span className="muted">not measured</span>;
  const outcome = point.checked?.outcome;
  return (
    <span title={point.say || undefined}>
      at most {percent(point.budget)} {outcome === "worse" && <Tag tone="bad">worse now</Tag>}
      {outcome === "unsure" && <Tag tone="warn">may be worse</Tag>}
      {!outcome && point.detector !== point.detector_now && <Tag tone="warn">another detector now</Tag>}
    </span>
  );
}

/** Comes after the list: what it did is counted over the calls. */
function Week({ project, guard }: { project: string; guard: GuardView }) {
  const report = useQuery(guardReportQuery(project, guard.name, DAYS));
  if (report.isError) return <span className="muted">cannot be told now</span>;
  if (!report.data) return <span className="muted">…</span>;
  const both = actedOf(report.data, actionOf(guard.spec));
  if (both.length === 0) return <span className="muted">no call</span>;
  return (
    <>
      {both.map((each) => (
        <div key={String(each.would)}>
          {each.would && "would have "}
          {each.did.map(([verb, count], i) => (
            <span key={verb}>
              {i > 0 && ", "}
              {verb} <strong>{formatInt(count)}</strong>
            </span>
          ))}{" "}
          of {formatInt(each.of)}
        </div>
      ))}
      {report.data.failed > 0 && (
        <div style={{ color: "var(--warn)" }}>{formatInt(report.data.failed)} times it could not tell</div>
      )}
    </>
  );
}
