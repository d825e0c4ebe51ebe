import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { FlaskConical, Pencil, Plus } from "lucide-react";
import type { JudgeView, ScorerView } from "@/api/evaluationTypes";
import { judgesQuery, scorersQuery } from "@/api/suites";
import { formatAgo, formatDateTime } from "@/lib/format";
import { Empty, Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { JudgeEditor } from "./JudgeEditor";
import css from "./scorers.module.css";
import { TryDrawer } from "./TryDrawer";

/** "What can judge an answer, and what does it look at?" */
export function ScorersPage() {
  const { project } = useParams({ from: "/inside/p/$project/scorers" });
  const search = useSearch({ from: "/inside/p/$project/scorers" });
  const navigate = useNavigate({ from: "/p/$project/scorers" });
  const scorers = useQuery(scorersQuery(project));
  const judges = useQuery(judgesQuery(project));
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const edited = judges.data?.find((each) => each.name === search.edit);
  const tried = scorers.data?.find((each) => each.name === search.try);
  return (
    <Page
      title="Scorers"
      lead="What judges answers: code, models, and your own judges. Each may say that it cannot."
      actions={
        <WriteButton
          needs="evaluation:write"
          size="sm"
          leftSection={<Plus size={15} />}
          onClick={() => patch({ new: "1" })}
        >
          New judge
        </WriteButton>
      }
    >
      <section aria-label="Your judges">
        <h2 className={css.heading}>Your judges</h2>
        <Pending of={judges} height={80} />
        {judges.data?.length === 0 && (
          <Panel>
            <Empty title="No judge of your own yet">
              <p>
                A judge is a rubric in your words that a model holds answers against. Every change of it is a version,
                scores name the version that made them, and before a gate relies on it people check how far it agrees
                with them (
                <Link to="/p/$project/quality" params={{ project }} search={{ view: "judges" }}>
                  calibration
                </Link>
                ).
              </p>
            </Empty>
          </Panel>
        )}
        {judges.data && judges.data.length > 0 && (
          <Panel>
            <DataTable
              label="Your judges"
              columns={judgeColumns((edit) => patch({ edit }))}
              rows={judges.data}
              rowKey={(row) => row.name}
            />
          </Panel>
        )}
      </section>
      {scorers.isError && <ProblemNotice error={scorers.error} retry={() => void scorers.refetch()} />}
      {scorers.isPending && <Skeleton height={300} mt={16} />}
      {scorers.data && (
        <>
          <Group
            title="Code: quick, free, the same every time"
            scorers={scorers.data.filter((each) => each.source === "code")}
            onTry={(name) => patch({ try: name })}
          />
          <Group
            title="A model judges: each answer costs a call"
            scorers={scorers.data.filter((each) => each.source === "llm")}
            onTry={(name) => patch({ try: name })}
          />
        </>
      )}
      {scorers.data && (search.new || edited) && (
        <JudgeEditor
          key={edited?.name ?? "new"}
          project={project}
          judge={edited}
          kinds={scorers.data.filter((each) => each.source === "llm")}
          onClose={() => patch({ new: undefined, edit: undefined })}
        />
      )}
      {tried && <TryDrawer project={project} scorer={tried} onClose={() => patch({ try: undefined })} />}
    </Page>
  );
}

function judgeColumns(onEdit: (name: string) => void): Column<JudgeView>[] {
  const now = Date.now();
  return [
    { id: "name", label: "judge", cell: (row) => <strong className="mono">{row.scorer}</strong> },
    { id: "kind", label: "made of", cell: (row) => row.kind },
    { id: "version", label: "version", align: "right", cell: (row) => row.version },
    { id: "message", label: "what changed", cell: (row) => row.message || <span className="muted">–</span> },
    { id: "author", label: "by", cell: (row) => row.author },
    {
      id: "created",
      label: "when",
      align: "right",
      cell: (row) => <span title={formatDateTime(row.created)}>{formatAgo(row.created, now)}</span>,
    },
    {
      id: "edit",
      label: "",
      align: "right",
      cell: (row) => (
        <Button
          variant="subtle"
          size="compact-xs"
          leftSection={<Pencil size={12} />}
          onClick={() => onEdit(row.name)}
          aria-label={`Edit ${row.name}`}
        >
          Edit
        </Button>
      ),
    },
  ];
}

const KINDS = { share: "0 to 1", number: "a number", label: "words" };

interface GroupProps {
  title: string;
  scorers: ScorerView[];
  onTry: (name: string) => void;
}

function Group({ title, scorers, onTry }: GroupProps) {
  const columns: Column<ScorerView>[] = [
    { id: "name", label: "scorer", cell: (row) => <strong className="mono">{row.name}</strong> },
    { id: "about", label: "what it says", cell: (row) => <span className={css.about}>{row.about}</span> },
    {
      id: "needs",
      label: "needs",
      cell: (row) => (
        <span className={css.needs}>
          {row.needs.map((each) => (
            <Tag key={each}>{each.replaceAll("_", " ")}</Tag>
          ))}
        </span>
      ),
    },
    {
      id: "kind",
      label: "value",
      cell: (row) => (
        <span className="num">
          {KINDS[row.kind]}
          {row.better && `, ${row.better} is better`}
        </span>
      ),
    },
    {
      id: "try",
      label: "",
      align: "right",
      cell: (row) => (
        <Button
          variant="subtle"
          size="compact-xs"
          leftSection={<FlaskConical size={12} />}
          onClick={() => onTry(row.name)}
          aria-label={`Try ${row.name}`}
        >
          Try
        </Button>
      ),
    },
  ];
  if (scorers.length === 0) return null;
  return (
    <section aria-label={title} className={css.group}>
      <h2 className={css.heading}>{title}</h2>
      <Panel>
        <DataTable label={title} columns={columns} rows={scorers} rowKey={(row) => row.name} />
      </Panel>
    </section>
  );
}
