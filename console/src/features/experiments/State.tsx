import { CircleCheck, CirclePause, CircleSlash, CircleX, Clock, LoaderCircle, type LucideIcon } from "lucide-react";
import type { ExperimentState } from "@/api/evaluationTypes";
import css from "./experiments.module.css";

const LOOK: Record<ExperimentState, { icon: LucideIcon; label: string }> = {
  queued: { icon: Clock, label: "queued" },
  running: { icon: LoaderCircle, label: "running" },
  paused: { icon: CirclePause, label: "paused" },
  done: { icon: CircleCheck, label: "done" },
  failed: { icon: CircleX, label: "failed" },
  cancelled: { icon: CircleSlash, label: "cancelled" },
};

export function StateSign({ state }: { state: ExperimentState }) {
  const { icon: Icon, label } = LOOK[state];
  return (
    <span className={css.state} data-state={state}>
      <Icon size={15} strokeWidth={2.2} aria-hidden="true" />
      {label}
    </span>
  );
}
