import type { Criterion, Decision, ItemView } from "@/api/reviewTypes";
import { DiffText } from "@/features/compare/DiffText";
import { formatDateTime, formatMs } from "@/lib/format";
import { Tag } from "@/ui/bits";
import css from "./review.module.css";

export const DECISIONS: Record<Decision, { label: string; tone?: "bad" | "warn" | "accent" }> = {
  approve: { label: "approved", tone: "accent" },
  correct: { label: "corrected", tone: "warn" },
  reject: { label: "rejected", tone: "bad" },
  skip: { label: "skipped" },
};

/** What people decided, who said what, and what they made of the answer. */
export function Outcome({ item, criteria }: { item: ItemView; criteria: readonly Criterion[] }) {
  const { outcome } = item;
  return (
    <section className={css.work} aria-label="What was decided">
      <h2>
        {outcome ? <Tag tone={DECISIONS[outcome.decision].tone}>{DECISIONS[outcome.decision].label}</Tag> : item.state}{" "}
        {outcome?.agreed === true && <span className="muted">all agreed</span>}
        {outcome?.agreed === false && <Tag tone="warn">they did not agree</Tag>}
      </h2>
      {outcome?.correction && item.subject.answer !== null && (
        <div>
          <h3>What the answer should have been</h3>
          <DiffText a={item.subject.answer} b={outcome.correction} testId="correction" />
        </div>
      )}
      <ul className={css.verdicts} aria-label="Verdicts">
        {item.verdicts.map((verdict) => (
          <li key={verdict.reviewer}>
            <strong>{verdict.reviewer_name}</strong>{" "}
            <Tag tone={DECISIONS[verdict.decision].tone}>{DECISIONS[verdict.decision].label}</Tag>{" "}
            <span className="muted">
              {formatDateTime(verdict.created)}
              {verdict.seconds !== null && `, took ${formatMs(1000 * verdict.seconds)}`}
            </span>
            {criteria
              .filter((each) => verdict.answers[each.name] !== undefined)
              .map((each) => (
                <div key={each.name} className="muted">
                  {each.question || each.name}: <strong>{printed(verdict.answers[each.name])}</strong>
                </div>
              ))}
            {verdict.note && <p>{verdict.note}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}

const printed = (value: unknown) => (value === true ? "pass" : value === false ? "fail" : String(value));
