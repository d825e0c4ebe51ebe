import { CircleCheck, CircleDashed, CircleDot, CircleX } from "lucide-react";
import type { RolloutView } from "@/api/releaseTypes";
import { formatAgo, formatInt } from "@/lib/format";
import css from "./rollouts.module.css";
import { percent, STATES, seconds } from "./words";

interface Props {
  rollout: RolloutView;
  now: number;
  /** Calls of the candidate since this step began. */
  calls: number | null;
}

/** The way of a canary: what was, where it is, what comes next and what that waits for. */
export function Steps({ rollout, now, calls }: Props) {
  const steps = rollout.plan.steps ?? [];
  const open = rollout.state === "running" || rollout.state === "held";
  return (
    <ol className={css.path} aria-label="Steps">
      {steps.map((step, i) => {
        const done = i < rollout.step || rollout.state === "promoted";
        const current = open && i === rollout.step;
        const last = !open && rollout.state !== "promoted" && i === rollout.step;
        const Icon = done ? CircleCheck : last ? CircleX : current ? CircleDot : CircleDashed;
        return (
          <li key={step.share} aria-current={current ? "step" : undefined} data-done={done} data-last={last}>
            <span className={css.stepShare}>
              <Icon size={14} aria-hidden="true" />
              {percent(step.share)}
              {last && `, ${STATES[rollout.state] ?? rollout.state} here`}
              <span className="sr-only">
                {done ? ", done" : current ? ", now" : last ? "" : open ? ", later" : ", never"}
              </span>
            </span>
            <span className="muted">
              {seconds(step.hold_s ?? 300)} and {formatInt(step.samples ?? 100)} calls
            </span>
            {current && <Waits rollout={rollout} now={now} calls={calls} />}
          </li>
        );
      })}
      <li data-done={rollout.state === "promoted"}>
        <span className={css.stepShare}>
          {rollout.state === "promoted" ? (
            <CircleCheck size={14} aria-hidden="true" />
          ) : (
            <CircleDashed size={14} aria-hidden="true" />
          )}
          100 %
        </span>
        <span className="muted">promoted</span>
      </li>
    </ol>
  );
}

function Waits({ rollout, now, calls }: Props) {
  const step = rollout.plan.steps?.[rollout.step];
  if (!step) return null;
  const hold = 1000 * (step.hold_s ?? 300);
  const lasted = Math.max(0, now - rollout.step_started);
  const samples = step.samples ?? 100;
  return (
    <>
      <Progress label="Time of this step" part={lasted} whole={hold} />
      <span className="muted num">
        {lasted >= hold ? "held long enough" : `over ${formatAgo(rollout.step_started + hold, now)} at the earliest`}
      </span>
      {calls !== null && (
        <>
          <Progress label="Calls of this step" part={calls} whole={samples} />
          <span className="muted num">
            {formatInt(calls)} of {formatInt(samples)} calls
          </span>
        </>
      )}
    </>
  );
}

function Progress({ label, part, whole }: { label: string; part: number; whole: number }) {
  const share = whole <= 0 ? 100 : Math.min(100, (100 * part) / whole);
  return (
    <span
      className={css.progress}
      role="progressbar"
      aria-label={label}
      aria-valuenow={Math.round(share)}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <span style={{ width: `${share}%` }} />
    </span>
  );
}
