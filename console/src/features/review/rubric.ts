/** A rubric worked from the keyboard: digits answer the question that is next. */

import type { Criterion, ItemView } from "@/api/reviewTypes";

export type Answer = boolean | number | string;
export type Answers = Record<string, Answer>;

export interface Choice {
  label: string;
  value: Answer;
}

/** What a digit can choose; a text is written and has none. */
export function choicesOf(criterion: Criterion): Choice[] {
  switch (criterion.kind ?? "pass_fail") {
    case "pass_fail":
      return [
        { label: "pass", value: true },
        { label: "fail", value: false },
      ];
    case "scale": {
      const { low = 1, high = 5 } = criterion;
      return Array.from({ length: Math.max(0, high - low + 1) }, (_, i) => ({
        label: String(low + i),
        value: low + i,
      }));
    }
    case "choice":
      return (criterion.choices ?? []).map((label) => ({ label, value: label }));
    default:
      return [];
  }
}

const answered = (answers: Answers, criterion: Criterion) => {
  const value = answers[criterion.name];
  return value !== undefined && value !== "";
};

/** The place of the question that a digit answers: the first that has choices and no answer, the last one else. */
export function nextOf(criteria: readonly Criterion[], answers: Answers): number {
  const open = criteria.findIndex((each) => choicesOf(each).length > 0 && !answered(answers, each));
  if (open >= 0) return open;
  return criteria.findLastIndex((each) => choicesOf(each).length > 0);
}

/** What a digit (1 is the first choice) makes of the answers; the same ones where it means nothing. */
export function press(criteria: readonly Criterion[], answers: Answers, at: number, digit: number): Answers {
  const criterion = criteria[at];
  const choice = criterion && choicesOf(criterion)[digit - 1];
  return criterion && choice ? { ...answers, [criterion.name]: choice.value } : answers;
}

/** Names of required questions without an answer. */
export const missing = (criteria: readonly Criterion[], answers: Answers): string[] =>
  criteria
    .filter((each) => (each.required ?? true) && !answered(answers, each))
    .map((each) => each.question || each.name);

/** How long is left, in words a reviewer takes in at a glance; late is said as such. */
export function dueWords(due: number | null, now: number): { text: string; late: boolean } {
  if (due === null) return { text: "", late: false };
  const left = due - now;
  const size = Math.abs(left);
  const text =
    size < 90_000
      ? `${Math.round(size / 1000)} s`
      : size < 5_400_000
        ? `${Math.round(size / 60_000)} min`
        : size < 129_600_000
          ? `${Math.round(size / 3_600_000)} h`
          : `${Math.round(size / 86_400_000)} days`;
  return left < 0 ? { text: `${text} late`, late: true } : { text: `due in ${text}`, late: false };
}

/** The most pressing first, as the server hands them out: by priority, then by what is due first. */
export function pressing<T extends Pick<ItemView, "id" | "priority" | "due">>(items: readonly T[]): T[] {
  const due = (item: T) => item.due ?? Number.MAX_VALUE;
  return [...items].sort((a, b) => b.priority - a.priority || due(a) - due(b) || a.id.localeCompare(b.id));
}
