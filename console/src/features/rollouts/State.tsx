import { CircleCheck, CirclePause, CircleStop, type LucideIcon, Play, Undo2 } from "lucide-react";
import css from "./rollouts.module.css";
import { STATES } from "./words";

const ICONS: Record<string, LucideIcon> = {
  running: Play,
  held: CirclePause,
  promoted: CircleCheck,
  rolled_back: Undo2,
  stopped: CircleStop,
};

export function RolloutState({ state }: { state: string }) {
  const Icon = ICONS[state] ?? CircleStop;
  return (
    <span className={css.state} data-state={state}>
      <Icon size={15} strokeWidth={2.2} aria-hidden="true" />
      {STATES[state] ?? state}
    </span>
  );
}
