import { Button, Skeleton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Pencil, Plus } from "lucide-react";
import { useState } from "react";
import { inProject } from "@/api/client";
import { onlineRulesKey, onlineRulesQuery, putOnlineRule } from "@/api/quality";
import type { RuleView } from "@/api/qualityTypes";
import { formatAgo, formatDateTime, formatInt } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { useMay } from "@/lib/role";
import { Empty, Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { useRemoval } from "@/ui/removal";
import { WriteButton } from "@/ui/WriteButton";
import css from "./quality.module.css";
import { RuleEditor } from "./RuleEditor";
import { ruleWords } from "./ruleForm";

interface Props {
  project: string;
  edit: string | undefined;
  isNew: boolean;
  onSearch: (change: { edit?: string; new?: string }) => void;
}

/** What looks at live answers by itself, what that did today, and what it may cost. */
export function OnlineRules({ project, edit, isNew, onSearch }: Props) {
  const found = useQuery(onlineRulesQuery(project));
  const may = useMay("evaluation:write");
  const [removing, setRemoving] = useState<RuleView | null>(null);
  const act = useActions(project, () => setRemoving(null));
  const edited = found.data?.find((each) => each.name === edit);
  const troubled = (found.data ?? []).filter((each) => each.trouble && !each.paused);
  return (
    <>
      <div className={css.bar}>
        <WriteButton
          needs="evaluation:write"
          size="xs"
          leftSection={<Plus size={13} />}
          onClick={() => onSearch({ new: "1" })}
        >
          New rule
        </WriteButton>
      </div>
      {found.isError && <ProblemNotice error={found.error} retry={() => void found.refetch()} />}
      {act.pause.isError && <ProblemNotice error={act.pause.error} />}
      {found.isPending && <Skeleton height={160} />}
      {troubled.map((each) => (
        <Notice key={each.name} tone="warn" title={`${each.name} does not go on`}>
          {each.trouble}
        </Notice>
      ))}
      {found.data?.length === 0 && <Nothing />}
      {found.data && found.data.length > 0 && (
        <Panel>
          <DataTable
            label="Rules"
            columns={columns(project, may, {
              busy: act.pause.isPending ? act.pause.variables.name : "",
              onPause: act.pause.mutate,
              onEdit: (name) => onSearch({ edit: name }),
              onRemove: setRemoving,
            })}
            rows={found.data}
            rowKey={(row) => row.name}
          />
        </Panel>
      )}
      {(isNew || edited) && (
        <RuleEditor
          key={edited?.name ?? "new"}
          project={project}
          rule={edited}
          onClose={() => onSearch({ edit: undefined, new: undefined })}
        />
      )}
      <Confirm
        opened={removing !== null}
        title={`Remove ${removing?.name}?`}
        action="Remove it"
        busy={act.remove.isPending}
        error={act.remove.error}
        onConfirm={() => removing && act.remove.mutate(removing)}
        onClose={() => {
          act.remove.reset();
          setRemoving(null);
        }}
      >
        It looks at nothing more. The scores that it wrote, and the experiments that it ran, stay.
      </Confirm>
    </>
  );
}

function useActions(project: string, onRemoved: () => void) {
  const queries = useQueryClient();
  const renew = () => queries.invalidateQueries({ queryKey: onlineRulesKey(project) });
  const pause = useMutation({
    mutationFn: (rule: RuleView) =>
      putOnlineRule(project, rule.name, { spec: rule.spec, paused: !rule.paused, expected_revision: rule.revision }),
    onSettled: renew,
  });
  const remove = useRemoval({
    at: (rule: RuleView) => [inProject(project, "online-rules", rule.name), rule.revision],
    stale: [onlineRulesKey(project)],
    onRemoved,
  });
  return { pause, remove };
}

interface Acts {
  busy: string;
  onPause: (rule: RuleView) => void;
  onEdit: (name: string) => void;
  onRemove: (rule: RuleView) => void;
}

function columns(project: string, may: boolean, acts: Acts): Column<RuleView>[] {
  const now = Date.now();
  return [
    {
      id: "name",
      label: "rule",
      cell: (row) => (
        <>
          <strong>{row.name}</strong> {row.paused && <Tag tone="warn">paused</Tag>}
          <div className="muted">{ruleWords(row)}</div>
        </>
      ),
    },
    { id: "today", label: "today (UTC)", cell: (row) => <Today row={row} project={project} /> },
    { id: "spent", label: "spent of its budget", align: "right", cell: (row) => <Spent row={row} /> },
    {
      id: "last",
      label: "last",
      align: "right",
      cell: (row) =>
        row.last === null ? (
          <span className="muted">not yet</span>
        ) : (
          <span title={formatDateTime(row.last)}>{formatAgo(row.last, now)}</span>
        ),
    },
    {
      id: "acts",
      label: "",
      align: "right",
      cell: (row) =>
        may && (
          <span className={css.acts}>
            <Button
              variant="subtle"
              size="compact-xs"
              loading={acts.busy === row.name}
              onClick={() => acts.onPause(row)}
              aria-label={`${row.paused ? "Go on with" : "Pause"} ${row.name}`}
            >
              {row.paused ? "Go on" : "Pause"}
            </Button>
            <Button
              variant="subtle"
              size="compact-xs"
              leftSection={<Pencil size={12} />}
              onClick={() => acts.onEdit(row.name)}
              aria-label={`Edit ${row.name}`}
            >
              Edit
            </Button>
            <Button
              variant="subtle"
              size="compact-xs"
              onClick={() => acts.onRemove(row)}
              aria-label={`Remove ${row.name}`}
            >
              Remove…
            </Button>
          </span>
        ),
    },
  ];
}

function Today({ row, project }: { row: RuleView; project: string }) {
  if (row.kind === "schedule")
    return (
      <>
        {row.experiment ? (
          <Link to="/p/$project/experiments/$experiment" params={{ project, experiment: row.experiment }} search={{}}>
            its last run
          </Link>
        ) : (
          <span className="muted">no run yet</span>
        )}
        {row.next !== null && <div className="muted">next {formatDateTime(row.next)}</div>}
      </>
    );
  return (
    <>
      {formatInt(row.scored)} verdicts
      {row.unscored > 0 && <div className={css.missing}>{formatInt(row.unscored)} could not be scored</div>}
      {row.passed_over > 0 && (
        <div className={css.missing}>{formatInt(row.passed_over)} answers passed over: no budget was left</div>
      )}
    </>
  );
}

function Spent({ row }: { row: RuleView }) {
  const budget = row.spec.budget ?? (row.kind === "online" ? "1" : "");
  if (row.kind === "schedule")
    return <span className="num">{budget ? `at most ${formatMoney(budget)} a run` : "as the suite says"}</span>;
  return (
    <span className="num">
      <strong>{formatMoney(row.spent)}</strong> of {formatMoney(budget)} a day
      {row.unpriced > 0 && <div className={css.missing}>and {formatInt(row.unpriced)} questions of unknown price</div>}
    </span>
  );
}

function Nothing() {
  return (
    <Empty title="Nothing looks at live answers by itself">
      <p>
        A rule lets scorers look at a share of what is answered, within a budget a day; a schedule runs a suite every so
        often on what serves. Their scores are shown here by release, and what could not be scored is counted apart.
      </p>
    </Empty>
  );
}
