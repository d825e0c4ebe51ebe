import type { ReactNode } from "react";
import css from "./sessions.module.css";

/** One number of a summary, with what belongs to it below. */
export function Fact({ label, foot, children }: { label: string; foot: string; children: ReactNode }) {
  return (
    <div className={css.fact}>
      <div className={css.factLabel}>{label}</div>
      <div className={css.factValue}>{children}</div>
      <div className={`ellipsis ${css.factFoot}`}>{foot}</div>
    </div>
  );
}
