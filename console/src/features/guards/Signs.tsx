import {
  CircleCheck,
  CircleHelp,
  Eye,
  Flag,
  type LucideIcon,
  OctagonX,
  PowerOff,
  Scissors,
  ShieldCheck,
  UserRoundSearch,
} from "lucide-react";
import type { Action, Mode } from "@/api/guards";
import css from "./guards.module.css";
import { ACTIONS, MODES, stops } from "./words";

const MODE_ICONS: Record<Mode, LucideIcon> = { enforce: ShieldCheck, shadow: Eye, off: PowerOff };

/** A mode as shape, word and colour. */
export function ModeSign({ mode }: { mode: Mode }) {
  const Icon = MODE_ICONS[mode];
  return (
    <span className={css.mode} data-mode={mode} title={MODES[mode].about}>
      <Icon size={15} strokeWidth={2.2} aria-hidden="true" />
      {MODES[mode].label.toLowerCase()}
    </span>
  );
}

const ACTION_ICONS: Record<Action, LucideIcon> = {
  allow: CircleCheck,
  flag: Flag,
  redact: Scissors,
  block: OctagonX,
  escalate: UserRoundSearch,
};

/** The shape of an action; what could not be told has its own. */
export function ActionIcon({ action, mode, failed }: { action: string; mode: string; failed: boolean }) {
  const Icon = failed ? CircleHelp : (ACTION_ICONS[action as Action] ?? CircleHelp);
  const loud = stops(action) && mode === "enforce";
  const color = loud ? "var(--bad)" : action === "allow" && !failed ? "var(--good)" : "var(--warn)";
  return <Icon size={17} aria-hidden="true" color={color} />;
}

export function ActionWord({ action }: { action: Action }) {
  return <span title={ACTIONS[action].about}>{ACTIONS[action].label}</span>;
}
