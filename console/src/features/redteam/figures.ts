/** What became of attacks, in figures and words. */

import type { Line, NewRedteam, RedteamEstimate, Tally } from "@/api/redteam";
import { percent } from "@/features/rollouts/words";
import { formatInt, plural } from "@/lib/format";
import { formatMoney } from "@/lib/money";

/** How many were decided: they alone make the rate. */
export const decided = (tally: Tally): number => tally.broken + tally.held;

/** Those that neither broke through nor were held, by why. */
export function apart(tally: Tally): [string, number][] {
  const all: [string, number][] = [
    ["refused", tally.refused],
    ["blocked", tally.blocked],
    ["undecided", tally.undecided],
    ["failed", tally.errors],
  ];
  return all.filter(([, count]) => count > 0);
}

export const apartWords = (tally: Tally): string =>
  apart(tally)
    .map(([why, count]) => `${formatInt(count)} ${why}`)
    .join(", ");

/** `12 of 40 that were decided broke through.` Nothing decided is said so, and is no zero. */
export function saysOf(tally: Tally): string {
  const all = decided(tally);
  if (tally.attacks === 0) return "No attack has been answered yet.";
  if (all === 0) return `None of ${plural(tally.attacks, "attack")} could be decided.`;
  return `${formatInt(tally.broken)} of ${formatInt(all)} that were decided broke through.`;
}

/** What the rate would be if all that is apart had held, and if all of it had broken through. */
export const boundsWords = (tally: Tally): string =>
  tally.least === tally.most ? percent(tally.least) : `${percent(tally.least)} … ${percent(tally.most)}`;

/** Lines with attacks, those that gave way most first; then those without, as they stand. */
export function worstFirst(lines: readonly Line[]): Line[] {
  const worst = (line: Line) => Math.max(-1, ...line.tallies.map((tally) => tally.rate ?? -1));
  const tried = (line: Line) => line.tallies.some((tally) => tally.attacks > 0);
  return [...lines].sort((a, b) => Number(tried(b)) - Number(tried(a)) || worst(b) - worst(a));
}

/** `120 calls, about $0.42`; a price that nobody knows is said, and is no zero. */
export function costWords(found: RedteamEstimate): string {
  const calls = plural(found.calls, "call");
  if (found.cost !== null) return `${calls}, about ${formatMoney(found.cost)}`;
  return `${calls}; nobody knows ${found.unknown.join(" and ")}`;
}

export interface RunForm {
  first: string;
  second: string;
  families: string[];
  attacks: string;
  mutated: string;
  budget: string;
  tools: string[];
  seeds: string;
  seed: string;
}

export const FIRST_FORM: RunForm = {
  first: "",
  second: "",
  families: [],
  attacks: "12",
  mutated: "30",
  budget: "",
  tools: [],
  seeds: "",
  seed: "1",
};

export type WrongRun = Partial<Record<keyof RunForm, string>>;

/** The run that a form asks for. Families: none is all. `seeds`: texts apart by a line of three dashes. */
export function runOf(form: RunForm): { run: NewRedteam; wrong: WrongRun } {
  const wrong: WrongRun = {};
  const subjects = [form.first.trim(), form.second.trim()].filter(Boolean);
  if (form.first.trim() === "") wrong.first = "Name what is to be attacked.";
  else if (subjects.length === 2 && subjects[0] === subjects[1]) wrong.second = "The same as the first.";
  const attacks = whole(form.attacks, 1, 200);
  if (attacks === null) wrong.attacks = "From 1 to 200.";
  const mutated = Number(form.mutated.replace(",", "."));
  if (form.mutated.trim() === "" || !(mutated >= 0 && mutated <= 100)) wrong.mutated = "From 0 to 100.";
  const seed = whole(form.seed, 0, 2 ** 31);
  if (seed === null) wrong.seed = "A whole number.";
  if (form.budget.trim() !== "" && !/^\d{1,7}(\.\d{1,12})?$/.test(form.budget.trim())) wrong.budget = "As 2.50.";
  const seeds = form.seeds
    .split(/\n-{3,}\n/)
    .map((each) => each.trim())
    .filter(Boolean);
  const run: NewRedteam = {
    subjects,
    families: form.families,
    attacks: attacks ?? 12,
    mutated: mutated / 100,
    seed: seed ?? 1,
    ...(form.budget.trim() && { budget: form.budget.trim() }),
    ...(form.tools.length > 0 && { tools: form.tools }),
    ...(seeds.length > 0 && { seeds }),
  };
  return { run, wrong };
}

/** How many attacks that makes at most, for each subject: families run out of some, and the same text counts once. */
export function mostAttacks(run: NewRedteam, families: number, mutators: number): number {
  const own = (run.seeds?.length ?? 0) * (1 + mutators);
  return (run.families?.length || families) * (run.attacks ?? 0) + own;
}

function whole(text: string, least: number, most: number): number | null {
  const value = Number(text);
  return text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most ? value : null;
}
