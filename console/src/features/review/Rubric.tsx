import { Textarea } from "@mantine/core";
import type { Criterion } from "@/api/reviewTypes";
import { Key, Tag } from "@/ui/bits";
import css from "./review.module.css";
import { type Answers, choicesOf } from "./rubric";

interface Props {
  criteria: readonly Criterion[];
  answers: Answers;
  /** The question that digits answer. */
  at: number;
  onChange: (answers: Answers) => void;
}

/** The questions of the queue; the one that digits answer now is marked. */
export function Rubric({ criteria, answers, at, onChange }: Props) {
  if (criteria.length === 0) return null;
  return (
    <ol className={css.rubric} aria-label="Rubric">
      {criteria.map((each, i) => (
        <li key={each.name} data-now={i === at} data-criterion={each.name}>
          <Question criterion={each} answers={answers} now={i === at} onChange={onChange} />
        </li>
      ))}
    </ol>
  );
}

interface QuestionProps {
  criterion: Criterion;
  answers: Answers;
  now: boolean;
  onChange: (answers: Answers) => void;
}

function Question({ criterion, answers, now, onChange }: QuestionProps) {
  const value = answers[criterion.name];
  const choices = choicesOf(criterion);
  const question = criterion.question || criterion.name.replaceAll("_", " ");
  if (choices.length === 0)
    return (
      <Textarea
        label={question}
        autosize
        minRows={1}
        value={typeof value === "string" ? value : ""}
        onChange={(event) => onChange({ ...answers, [criterion.name]: event.currentTarget.value })}
      />
    );
  return (
    <fieldset className={css.question}>
      <legend>
        {question} {criterion.required === false && <Tag>may be left</Tag>}
      </legend>
      <div className={css.choices} role="radiogroup" aria-label={question}>
        {choices.map((choice, i) => (
          <button
            key={choice.label}
            type="button"
            role="radio"
            aria-checked={value === choice.value}
            className={css.choice}
            onClick={() => onChange({ ...answers, [criterion.name]: choice.value })}
          >
            {now && i < 9 && <Key name={String(i + 1)} />}
            {choice.label}
          </button>
        ))}
      </div>
    </fieldset>
  );
}
