import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { CirclePause, CirclePlay, CircleStop, FastForward, type LucideIcon, Radio, Rocket, Undo2 } from "lucide-react";
import { isOpen, rolloutQuery } from "@/api/releases";
import type { RolloutAction, RolloutDetail, RolloutView } from "@/api/releaseTypes";
import { formatDateTime } from "@/lib/format";
import { useAnchor } from "@/lib/hooks";
import { Facts, Panel } from "@/ui/bits";
import { Notice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { tracesOf } from "../apps/links";
import { AuditList } from "../audit/AuditList";
import { ActDialog, wordsOf } from "./Act";
import { Comparison } from "./Comparison";
import { Ended } from "./Ended";
import css from "./rollouts.module.css";
import { RolloutState } from "./State";
import { Steps } from "./Steps";
import { KINDS, kindOf, percent, planWords, STICKY } from "./words";

const ICONS: Record<RolloutAction, LucideIcon> = {
  promote: Rocket,
  advance: FastForward,
  hold: CirclePause,
  resume: CirclePlay,
  roll_back: Undo2,
  stop: CircleStop,
};
/** In the order in which they stand. While it goes on by its rules none stands out: nobody has to do anything. */
const ORDER: RolloutAction[] = ["resume", "promote", "advance", "hold", "stop", "roll_back"];
/** What the rules would do by what the figures say now; the controller does it within seconds. */
const NEXT = { advance: "On to the next step", promote: "To all traffic", hold: "To be held", rollback: "Going back" };
const TICK_MS = 1_000;
const CALM_MS = 60_000;

/** "Is the new release better or worse, what happens next, and can I stop it?" */
export function RolloutPage() {
  const { project, rollout: id } = useParams({ from: "/inside/p/$project/rollouts/$rollout" });
  const found = useQuery(rolloutQuery(project, id));
  const rollout = found.data;
  return (
    <Page
      title={rollout ? `${rollout.app} r${rollout.candidate} in ${rollout.environment}` : "Rollout"}
      lead={rollout && <Lead project={project} rollout={rollout} />}
    >
      <Pending of={found} height={420} />
      {rollout && <Loaded project={project} rollout={rollout} />}
    </Page>
  );
}

function Lead({ project, rollout }: { project: string; rollout: RolloutView }) {
  return (
    <>
      <Link to="/p/$project/apps/$app" params={{ project, app: rollout.app }} activeProps={{}}>
        {rollout.app}
      </Link>{" "}
      · {KINDS[kindOf(rollout.plan)].label}, begun {formatDateTime(rollout.started)} by {rollout.author_name}
    </>
  );
}

function Loaded({ project, rollout }: { project: string; rollout: RolloutDetail }) {
  const open = isOpen(rollout.state);
  const { now } = useAnchor(open ? TICK_MS : CALM_MS);
  const search = useSearch({ from: "/inside/p/$project/rollouts/$rollout" });
  const navigate = useNavigate({ from: "/p/$project/rollouts/$rollout" });
  const asked = rollout.actions.find((action) => action === search.act);
  return (
    <>
      <Verdict project={project} rollout={rollout} now={now} onAct={(act) => void navigate({ search: { act } })} />
      <Compared project={project} rollout={rollout} />
      <div className={css.section}>
        <h2>How it is done</h2>
        <Panel>
          <div style={{ padding: 16 }}>
            <Facts
              rows={[
                ["Kind", `${KINDS[kindOf(rollout.plan)].label}. ${KINDS[kindOf(rollout.plan)].what}`],
                ["Plan", planWords(rollout.plan)],
                ["Assignment", STICKY[rollout.plan.sticky ?? "user"]],
                ["Note", rollout.note],
                ["Ended", rollout.ended !== null && formatDateTime(rollout.ended)],
                ["Rollout", <code key="id">{rollout.id}</code>],
              ]}
            />
          </div>
        </Panel>
      </div>
      <div className={css.section}>
        <h2>What happened</h2>
        <AuditList
          project={project}
          filter={{ subject: `rollout:${rollout.app}@${rollout.environment}:${rollout.id}` }}
        />
      </div>
      {asked && (
        <ActDialog project={project} rollout={rollout} action={asked} onClose={() => void navigate({ search: {} })} />
      )}
    </>
  );
}

interface VerdictProps {
  project: string;
  rollout: RolloutDetail;
  now: number;
  onAct: (action: RolloutAction) => void;
}

/** The state, the split and the step, why it is so, and what can be done. */
function Verdict({ project, rollout, now, onAct }: VerdictProps) {
  const open = isOpen(rollout.state);
  const actions = ORDER.filter((action) => rollout.actions.includes(action));
  const decision = rollout.evidence;
  return (
    <section className={css.head} aria-label="State" data-testid="rollout">
      <div className={css.verdict}>
        <div>
          <h2>
            <RolloutState state={rollout.state} />{" "}
            {open && kindOf(rollout.plan) !== "segments" && (
              <span>
                {percent(rollout.share)} on r{rollout.candidate}
              </span>
            )}
          </h2>
          <p style={{ marginTop: 4, maxWidth: 720 }}>{reasonOf(rollout)}</p>
          {open && decision?.reason && (
            <p style={{ maxWidth: 720 }} data-testid="now">
              {decision.action !== "wait" && <strong>{NEXT[decision.action]}: </strong>}
              {decision.reason}
            </p>
          )}
          {open && rollout.waits && (
            <p style={{ maxWidth: 720 }}>
              <strong>It cannot decide by itself now:</strong> {rollout.waits}
            </p>
          )}
          {decision?.rule && (
            <p className="muted">
              Rule {decision.number}: <code>{decision.rule}</code>
            </p>
          )}
          {!open && <Ended project={project} rollout={rollout} now={now} />}
        </div>
        {actions.length > 0 && (
          <div className={css.acts}>
            {actions.map((action) => {
              const Icon = ICONS[action];
              const words = wordsOf(action, rollout);
              return (
                <WriteButton
                  needs="release:promote"
                  key={action}
                  size="sm"
                  variant={action === "resume" ? "filled" : "default"}
                  leftSection={<Icon size={15} />}
                  onClick={() => onAct(action)}
                >
                  {words.button}
                </WriteButton>
              );
            })}
          </div>
        )}
      </div>
      {open && kindOf(rollout.plan) !== "segments" && <Split rollout={rollout} />}
      {kindOf(rollout.plan) === "canary" && <Steps rollout={rollout} now={now} calls={callsOf(rollout)} />}
      {open && (
        <p className={css.live} role="status">
          <Radio size={13} aria-hidden="true" />
          {rollout.state === "held"
            ? "Held: it goes on when somebody says so. The page refreshes itself."
            : "Looked at all the time; the page refreshes itself."}
          <Link
            to="/p/$project/traces"
            params={{ project }}
            search={{ q: tracesOf({ app: rollout.app, release: rollout.candidate, environment: rollout.environment }) }}
          >
            calls of r{rollout.candidate}
          </Link>
        </p>
      )}
    </section>
  );
}

function reasonOf(rollout: RolloutView): string {
  if (rollout.reason) return rollout.reason;
  if (rollout.evidence?.reason) return rollout.evidence.reason;
  return rollout.state === "running" ? "It has just begun." : "";
}

/** What the step waits for is counted in calls of the candidate since it began: the most that any metric has seen. */
const callsOf = (rollout: RolloutView): number | null => {
  const seen = rollout.evidence?.evidence.map((each) => each.candidate.n) ?? [];
  return seen.length > 0 ? Math.max(...seen) : null;
};

function Split({ rollout }: { rollout: RolloutView }) {
  const share = 100 * rollout.share;
  const shadow = kindOf(rollout.plan) === "shadow";
  const stable = rollout.stable === null ? "nothing" : `r${rollout.stable}`;
  const told = shadow
    ? `${percent(rollout.share)} of the calls are copied to r${rollout.candidate}; ${stable} answers all`
    : `${percent(1 - rollout.share)} ${stable}, ${percent(rollout.share)} r${rollout.candidate}`;
  return (
    <div className={css.split} role="img" aria-label={told} title={told}>
      <span style={{ width: `${100 - share}%` }}>{stable}</span>
      <span data-arm="candidate" style={{ width: `${share}%`, minWidth: 54 }}>
        r{rollout.candidate}
        {shadow ? " (copies)" : ""}
      </span>
    </div>
  );
}

function Compared({ project, rollout }: { project: string; rollout: RolloutView }) {
  const evidence = rollout.evidence?.evidence ?? [];
  if (kindOf(rollout.plan) === "direct") return null;
  return (
    <div className={css.section}>
      <h2>{isOpen(rollout.state) ? "Live comparison" : "What it was decided by"}</h2>
      {evidence.length > 0 ? (
        <Comparison
          evidence={evidence}
          stable={rollout.stable === null ? "nothing" : `r${rollout.stable}`}
          candidate={`r${rollout.candidate}`}
        />
      ) : (
        <Notice tone="warn" title="Nothing to compare yet">
          Figures come with the first calls of both releases.{" "}
          <Link to="/p/$project/traces" params={{ project }} search={{ q: tracesOf({ app: rollout.app }) }}>
            Calls of {rollout.app}
          </Link>
        </Notice>
      )}
    </div>
  );
}
