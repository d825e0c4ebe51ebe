import { Button } from "@mantine/core";
import type { CaseTexts, Report } from "@/api/evaluationTypes";
import { diffText, type Piece } from "@/features/compare/diff";
import { plural } from "@/lib/format";
import css from "./experiments.module.css";

interface Props {
  report: Report;
  onSelect: (caseId: string) => void;
}

/** The cases that changed most: what was asked, what was expected, and both answers with their differences. */
export function Changed({ report, onSelect }: Props) {
  if (report.texts.length === 0) return null;
  return (
    <section className={css.section} aria-label="What changed">
      <h2>What changed</h2>
      <p className="muted">{plural(report.texts.length, "case")} that changed most, worse ones first; texts are cut.</p>
      <ul className={css.changed} aria-label="Changed cases">
        {report.texts.map((each, i) => (
          <li key={each.case_id}>
            <details open={i === 0}>
              <summary>
                <span className="mono">{each.case_id}</span>
                <span className={`muted ellipsis ${css.question}`}>{each.input}</span>
              </summary>
              <OneCase texts={each} subjects={report.subjects} onSelect={onSelect} />
            </details>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface OneProps {
  texts: CaseTexts;
  subjects: readonly string[];
  onSelect: (caseId: string) => void;
}

function OneCase({ texts, subjects, onSelect }: OneProps) {
  const [a = null, b = null] = texts.answers;
  const pieces = a === null || b === null ? null : diffText(b, a);
  return (
    <div className={css.change}>
      <div className={css.part}>
        <h3>Asked</h3>
        <div className={css.words}>{texts.input}</div>
      </div>
      {texts.expected !== "" && (
        <div className={css.part}>
          <h3>Expected</h3>
          <div className={css.words}>{texts.expected}</div>
        </div>
      )}
      <div className={css.sides} data-count={subjects.length}>
        <Side name={subjects[0]} text={a} pieces={pieces} shown="added" />
        <Side name={subjects[1]} text={b} pieces={pieces} shown="removed" />
      </div>
      <div>
        <Button variant="default" size="compact-xs" onClick={() => onSelect(texts.case_id)}>
          All of {texts.case_id}
        </Button>
      </div>
    </div>
  );
}

interface SideProps {
  name: string | undefined;
  text: string | null;
  /** From what it is compared with to what is tried; null where one of them gave no answer. */
  pieces: Piece[] | null;
  /** What only this side says. */
  shown: "removed" | "added";
}

function Side({ name, text, pieces, shown }: SideProps) {
  if (name === undefined) return null;
  const Mark = shown === "removed" ? "del" : "ins";
  return (
    <div className={css.part} data-side={shown}>
      <h3 className="mono">{name}</h3>
      <div className={`${css.words} ${css.marked}`}>
        {text === null && <em className="muted">no answer</em>}
        {text !== null && pieces === null && text}
        {pieces
          ?.filter((each) => each.kind === "same" || each.kind === shown)
          .map((each, i) => (each.kind === "same" ? each.text : <Mark key={i}>{each.text}</Mark>))}
      </div>
    </div>
  );
}
