import { CircleCheckBig, CircleDashed, CircleEqual, type LucideIcon, OctagonAlert } from "lucide-react";
import type { Outcome } from "@/api/releaseTypes";
import css from "./rollouts.module.css";

const LOOK: Record<Outcome, { icon: LucideIcon; label: string }> = {
  better: { icon: CircleCheckBig, label: "better" },
  not_worse: { icon: CircleEqual, label: "not worse" },
  worse: { icon: OctagonAlert, label: "worse" },
  not_enough_data: { icon: CircleDashed, label: "not enough data" },
};

/** An outcome as shape, word and colour; the first two say it alone. */
export function OutcomeSign({ outcome }: { outcome: Outcome }) {
  const { icon: Icon, label } = LOOK[outcome];
  return (
    <span className={css.outcome} data-outcome={outcome}>
      <Icon size={15} strokeWidth={2.2} aria-hidden="true" />
      {label}
    </span>
  );
}
