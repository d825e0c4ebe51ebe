import { Button } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Archive, ArchiveRestore, Pencil, Play } from "lucide-react";
import { patch as change, inProject } from "@/api/client";
import type { SuiteView } from "@/api/evaluationTypes";
import { experimentsQuery } from "@/api/experiments";
import { suiteQuery, suitesKey } from "@/api/suites";
import { columns } from "@/features/experiments/ExperimentsPage";
import { percent } from "@/features/rollouts/words";
import { useScorers } from "@/features/scorers/useScorers";
import { plural } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Empty, Facts, Panel, Tag } from "@/ui/bits";
import { DataTable } from "@/ui/DataTable";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { RunDialog } from "./RunDialog";
import { SuiteEditor } from "./SuiteEditor";
import css from "./suites.module.css";
import { boundWords, ruleWords } from "./words";

const ROUTE = "/inside/p/$project/suites/$suite";

/** "What does it ask, and how did the last runs end?" */
export function SuitePage() {
  const { project, suite: name } = useParams({ from: ROUTE });
  const search = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: "/p/$project/suites/$suite" });
  const found = useQuery(suiteQuery(project, name));
  const suite = found.data;
  const patch = (next: Partial<typeof search>, replace = false) =>
    void navigate({ search: (prev) => ({ ...prev, ...next }), replace });
  return (
    <Page
      title={name}
      lead={suite?.spec.description || "What a release is held against."}
      actions={
        suite && (
          <>
            <ArchiveButton project={project} suite={suite} />
            <WriteButton
              needs="evaluation:write"
              variant="default"
              size="sm"
              leftSection={<Pencil size={14} />}
              onClick={() => patch({ edit: "1" })}
            >
              Edit
            </WriteButton>
            <WriteButton
              needs="evaluation:write"
              size="sm"
              leftSection={<Play size={15} />}
              onClick={() => patch({ run: "1" })}
            >
              Run…
            </WriteButton>
          </>
        )
      }
    >
      <Pending of={found} height={300} />
      {suite && (
        <>
          {suite.archived !== null && (
            <Notice tone="warn" title="It is archived">
              It still runs when it is named; lists and schedules leave it out.
            </Notice>
          )}
          <div className={css.columns}>
            <Runs project={project} name={name} />
            <Said project={project} suite={suite} />
          </div>
          {search.edit && (
            <SuiteEditor
              key={suite.name}
              project={project}
              suite={suite}
              onClose={() => patch({ edit: undefined })}
              onSaved={() => patch({ edit: undefined })}
            />
          )}
          {search.run && (
            <RunDialog
              project={project}
              suite={suite}
              a={search.a ?? ""}
              b={search.b}
              onSubjects={(a, b) => patch({ a: a || undefined, b: b || undefined }, true)}
              onClose={() => patch({ run: undefined, a: undefined, b: undefined })}
            />
          )}
        </>
      )}
    </Page>
  );
}

function ArchiveButton({ project, suite }: { project: string; suite: SuiteView }) {
  const queries = useQueryClient();
  const away = suite.archived === null;
  const act = useMutation({
    mutationFn: () =>
      change<SuiteView>(inProject(project, "suites", suite.name), {
        archived: away,
        expected_revision: suite.revision,
      }),
    onSettled: () => queries.invalidateQueries({ queryKey: suitesKey(project) }),
  });
  return (
    <>
      {act.isError && <ProblemNotice error={act.error} />}
      <WriteButton
        needs="evaluation:write"
        variant="default"
        size="sm"
        leftSection={away ? <Archive size={14} /> : <ArchiveRestore size={14} />}
        onClick={() => act.mutate()}
      >
        {away ? "Archive" : "Take out of the archive"}
      </WriteButton>
    </>
  );
}

function Runs({ project, name }: { project: string; name: string }) {
  const runs = useInfiniteQuery(experimentsQuery(project, { suite: name }));
  const rows = runs.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section aria-label="Runs">
      <h2 className={css.heading}>Runs</h2>
      <Pending of={runs} height={160} />
      {runs.data && rows.length === 0 && (
        <Panel>
          <Empty title="It never ran">
            <p>
              Run it on a release or a model; the estimate is shown first. In CI:{" "}
              <code>trimtab eval {name} --release APP@rN</code>
            </p>
          </Empty>
        </Panel>
      )}
      {rows.length > 0 && (
        <Panel>
          <DataTable
            label="Runs"
            columns={columns(project).filter((each) => each.id !== "author")}
            rows={rows}
            rowKey={(row) => row.id}
          />
        </Panel>
      )}
      {runs.hasNextPage && (
        <Button variant="default" mt={12} loading={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>
          Show more
        </Button>
      )}
    </section>
  );
}

function Said({ project, suite }: { project: string; suite: SuiteView }) {
  const { spec } = suite;
  const [dataset = "", version = ""] = spec.dataset.split("@");
  const known = useScorers(project);
  return (
    <section className={css.said} aria-label="What it asks">
      <h2 className={css.heading}>What it asks</h2>
      <Facts
        rows={[
          [
            "Cases of",
            <Link
              key="d"
              to="/p/$project/datasets/$dataset"
              params={{ project, dataset }}
              search={{
                version: version && version !== "latest" ? version : undefined,
                split: spec.split || undefined,
              }}
            >
              {spec.dataset}
            </Link>,
          ],
          ["Split", spec.split],
          ["Tags", (spec.tags ?? []).join(", ")],
          ["To pass", ruleWords(spec)],
          ["Answers", `${plural(spec.repeats ?? 1, "answer")} to each case`],
          ["Budget", spec.budget ? formatMoney(spec.budget) : "none"],
          ["Counts for", `${spec.freshness_days ?? 30} days`],
          ["Dearer by", spec.cost_margin != null && `at most ${percent(spec.cost_margin)}`],
          ["Slower by", spec.latency_margin != null && `at most ${percent(spec.latency_margin)}`],
        ]}
      />
      <ul className={css.scorerList} aria-label="Scorers">
        {spec.scorers.map((each) => (
          <li key={each.name || each.scorer}>
            <strong>{each.name || each.scorer}</strong> {each.name && <span className="muted mono">{each.scorer}</span>}{" "}
            {each.required === false && <Tag>not required</Tag>}
            <p className="muted">{known.scorers.find((one) => one.name === each.scorer)?.about}</p>
            <p>{boundWords(each)}</p>
            {Object.keys(each.options ?? {}).length > 0 && <code>{JSON.stringify(each.options)}</code>}
          </li>
        ))}
      </ul>
    </section>
  );
}
