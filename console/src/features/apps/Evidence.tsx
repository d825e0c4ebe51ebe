import { Select, Skeleton, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ThumbsUp } from "lucide-react";
import { useState } from "react";
import { del, inProject, post, withQuery } from "@/api/client";
import type { SuiteEvidence } from "@/api/evaluationTypes";
import { approvalsQuery, environmentsQuery, gateQuery } from "@/api/releases";
import type { ApprovalView, ReleaseRow } from "@/api/releaseTypes";
import { formatAgo, formatDateTime, formatDay } from "@/lib/format";
import { Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { FormDialog } from "@/ui/FormDialog";
import { ProblemNotice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";
import { refreshReleases } from "../rollouts/Act";
import { OutcomeSign } from "../rollouts/Outcome";
import css from "./apps.module.css";
import { evidenceOf } from "./gateEvidence";

interface Props {
  project: string;
  app: string;
  release: ReleaseRow;
}

/** What gates said of it. */
export function Verdicts({ project, app, release }: Props) {
  const gate = useQuery(gateQuery(project, app, release.ref));
  const now = Date.now();
  return (
    <section className={css.card} aria-label="Gate">
      <header className={css.cardHead}>
        <h2>Gate</h2>
      </header>
      {gate.error && <ProblemNotice error={gate.error} />}
      {gate.isPending && <Skeleton height={30} />}
      {gate.data?.length === 0 && (
        <p className="muted">
          No verdict yet. Run a{" "}
          <Link to="/p/$project/suites" params={{ project }}>
            suite
          </Link>{" "}
          on it; or whoever else judges it writes one down: <code>POST …/releases/{release.ref}/gate</code>
        </p>
      )}
      {gate.data?.map((verdict) => (
        <div key={verdict.id} className={css.evidence}>
          <OutcomeSign outcome={verdict.outcome} />
          <span>
            {verdict.source.replace(/^evaluation:/, "suite ")}
            <span className="muted" title={formatDateTime(verdict.created)}>
              , {formatAgo(verdict.created, now)}
            </span>
          </span>
          <Detail project={project} detail={verdict.detail} evidence={evidenceOf(verdict)} now={now} />
        </div>
      ))}
    </section>
  );
}

interface DetailProps {
  project: string;
  detail: string;
  evidence: SuiteEvidence | null;
  now: number;
}

/** An experiment's word: what it found, on which cases, until when it counts, or why it does not. */
function Detail({ project, detail, evidence, now }: DetailProps) {
  if (!evidence) return detail ? <p className="muted">{detail}</p> : null;
  const stale = evidence.fresh_until <= now;
  return (
    <>
      <p>{evidence.says}</p>
      <span className="muted">
        <Link
          to="/p/$project/experiments/$experiment"
          params={{ project, experiment: evidence.experiment }}
          search={{}}
        >
          Experiment
        </Link>{" "}
        on {evidence.dataset}@{evidence.version}
        {evidence.against && ` against ${evidence.against}`}
      </span>
      <span>
        {!evidence.passed && <Tag tone="bad">not passed</Tag>}{" "}
        {evidence.refused ? (
          <Tag tone="warn">does not count</Tag>
        ) : (
          <Tag tone={stale ? "warn" : undefined} title={formatDateTime(evidence.fresh_until)}>
            {stale ? "too old to count" : `counts until ${formatDay(evidence.fresh_until)}`}
          </Tag>
        )}
      </span>
      {evidence.refused && <p className="muted">It does not count: {evidence.refused}.</p>}
    </>
  );
}

/** Who stands for it, where; one's own can be taken back. */
export function Approvals({ project, app, release }: Props) {
  const approvals = useQuery(approvalsQuery(project, app, release.ref));
  const [asking, setAsking] = useState(false);
  const [withdrawn, setWithdrawn] = useState<ApprovalView | undefined>();
  const queries = useQueryClient();
  const now = Date.now();
  const withdraw = useMutation({
    mutationFn: (environment: string) =>
      del(withQuery(inProject(project, "apps", app, "releases", release.ref, "approvals"), { environment })),
    onSuccess: async () => {
      await refreshReleases(queries, project);
      setWithdrawn(undefined);
    },
  });
  return (
    <section className={css.card} aria-label="Approvals">
      <header className={css.cardHead}>
        <h2>Approvals</h2>
        <WriteButton
          needs="release:approve"
          variant="default"
          leftSection={<ThumbsUp size={13} />}
          onClick={() => setAsking(true)}
        >
          Approve…
        </WriteButton>
      </header>
      {approvals.error && <ProblemNotice error={approvals.error} />}
      {approvals.isPending && <Skeleton height={30} />}
      {approvals.data?.length === 0 && (
        <p className="muted">
          Nobody yet. {[release.author_name, ...release.editors].join(" and ")} made it, so somebody else must.
        </p>
      )}
      {approvals.data?.map((approval) => (
        <div key={`${approval.environment} ${approval.author}`} className={css.evidence}>
          <span>
            <strong>{approval.author_name}</strong> for {approval.environment}
            <span className="muted" title={formatDateTime(approval.created)}>
              , {formatAgo(approval.created, now)}
            </span>{" "}
            {approval.revoked && <Tag title="That key has ended since; what it gave counts.">key ended</Tag>}
            {!approval.counts && <Tag tone="warn">does not count: had a hand in it</Tag>}
          </span>
          {approval.note && <p className="muted">{approval.note}</p>}
          {approval.own && (
            <div>
              <WriteButton
                needs="release:approve"
                variant="subtle"
                size="compact-xs"
                onClick={() => setWithdrawn(approval)}
              >
                Withdraw
              </WriteButton>
            </div>
          )}
        </div>
      ))}
      {asking && <ApproveDialog project={project} app={app} release={release} onClose={() => setAsking(false)} />}
      <Confirm
        opened={withdrawn !== undefined}
        title="Withdraw your approval?"
        action="Withdraw"
        busy={withdraw.isPending}
        error={withdraw.error}
        onConfirm={() => withdrawn && withdraw.mutate(withdrawn.environment)}
        onClose={() => {
          withdraw.reset();
          setWithdrawn(undefined);
        }}
      >
        {release.ref} then lacks it in {withdrawn?.environment}. What runs already goes on. Only whoever gave an
        approval can take it back.
      </Confirm>
    </section>
  );
}

function ApproveDialog({ project, app, release, onClose }: Props & { onClose: () => void }) {
  const environments = useQuery(environmentsQuery(project));
  const first = environments.data?.find((each) => each.default)?.name ?? "";
  const [environment, setEnvironment] = useState("");
  const [note, setNote] = useState("");
  const queries = useQueryClient();
  const approve = useMutation({
    mutationFn: () =>
      post<ApprovalView>(inProject(project, "apps", app, "releases", release.ref, "approvals"), {
        environment: environment || first,
        note: note.trim(),
      }),
    onSuccess: async () => {
      await refreshReleases(queries, project);
      onClose();
    },
  });
  return (
    <FormDialog
      title={`Approve ${app} ${release.ref}`}
      action="Approve"
      off={!environments.data}
      asking={approve}
      onSubmit={() => approve.mutate()}
      onClose={onClose}
    >
      <p>You stand for it with the name of your key. Nobody approves a release that they made.</p>
      <Select
        label="Environment"
        data={(environments.data ?? []).map((each) => each.name)}
        value={environment || first}
        allowDeselect={false}
        onChange={(value) => setEnvironment(value ?? "")}
      />
      <Textarea
        label="Note"
        description="What you looked at."
        autosize
        minRows={2}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
        data-autofocus
      />
    </FormDialog>
  );
}
