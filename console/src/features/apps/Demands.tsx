import { CircleCheck, CircleX } from "lucide-react";
import type { Readiness } from "@/api/releaseTypes";
import css from "./apps.module.css";

/** What an environment demands: what is there, what lacks, and how to get it. */
export function Demands({ readiness }: { readiness: Readiness }) {
  if (readiness.checks.length === 0) return <p className="muted">It demands nothing.</p>;
  return (
    <ul className={css.demands} aria-label="What is demanded">
      {readiness.checks.map((check) => (
        <li key={check.demand} data-met={check.met}>
          {check.met ? (
            <CircleCheck size={16} color="var(--good)" aria-hidden="true" />
          ) : (
            <CircleX size={16} color="var(--bad)" aria-hidden="true" />
          )}
          <span>
            <span className="sr-only">{check.met ? "There: " : "Lacking: "}</span>
            {check.detail} {!check.met && <span className="muted">{check.fix}</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}
