/** Operating points: what a form asks for, and what its figures say. */

import type { ChooseGuardPoint, GuardShare, OperatingPoint, PointCheck, PointPart, Stage } from "@/api/guards";
import type { Scale } from "@/features/rollouts/interval";

export interface PointDraft {
  /** Percent, as typed: `1`, `0.5`. */
  budget: string;
  stage: Stage;
  /** How many of the newest recorded calls are taken for harmless. */
  sample: string;
  benign_datasets: string[];
  attack_datasets: string[];
  /** Texts of one's own, one to a line. */
  benign: string;
  attacks: string;
}

export const BUDGETS = ["0.1", "0.5", "1", "2", "5"];
const MOST_SAMPLE = 2_000;
/** As the server has it. */
const MOST_GIVEN = 2_000;

/** `input` where the guard looks there, else its first stage: as the server does. */
export const newDraft = (stages: readonly Stage[]): PointDraft => ({
  budget: "1",
  stage: stages.includes("input") ? "input" : (stages[0] ?? "input"),
  sample: "500",
  benign_datasets: [],
  attack_datasets: [],
  benign: "",
  attacks: "",
});

const lines = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** The share that a typed percentage is; null where it is none from 0 to below 100. */
export function shareOf(percent: string): number | null {
  const text = percent.trim().replace(/%$/, "").trim();
  if (!/^\d{1,2}(\.\d{1,4})?$/.test(text)) return null;
  // Of the digits as typed: 0.07 / 100 is not 0.0007 in binary fractions.
  return Number(`${text}e-2`);
}

/** What stands in the way of asking, empty for nothing. */
export function draftFault(draft: PointDraft): string {
  if (shareOf(draft.budget) === null) return "The budget is a percentage from 0 to below 100.";
  const sample = Number(draft.sample);
  if (!/^\d+$/.test(draft.sample.trim()) || sample > MOST_SAMPLE)
    return `Of recorded calls at most ${MOST_SAMPLE.toLocaleString("en-US")} are judged.`;
  const [benign, attacks] = [lines(draft.benign), lines(draft.attacks)];
  if (Math.max(benign.length, attacks.length) > MOST_GIVEN)
    return `At most ${MOST_GIVEN.toLocaleString("en-US")} texts are taken here; make a dataset of more.`;
  if (sample === 0 && benign.length === 0 && draft.benign_datasets.length === 0)
    return "It is chosen on harmless texts: take recorded calls, a dataset, or texts of your own.";
  return "";
}

export function bodyOf(draft: PointDraft): ChooseGuardPoint {
  return {
    max_false_positives: shareOf(draft.budget) ?? 0,
    stage: draft.stage,
    sample: Number(draft.sample),
    benign_datasets: draft.benign_datasets,
    attack_datasets: draft.attack_datasets,
    benign: lines(draft.benign),
    attacks: lines(draft.attacks),
  };
}

/** Shares of alarms are small: two digits that mean something, and never 0 % for what is not none. */
export function percent(share: number | null): string {
  if (share === null) return "–";
  if (share === 0) return "0 %";
  const value = 100 * share;
  return `${Number(value.toPrecision(value < 10 ? 2 : 3))} %`;
}

export const thresholdWords = (threshold: number): string => String(Number(threshold.toPrecision(4)));

/** The line that alarms share: from none to a little more than the budget, or than the largest. */
export function alarmScale(shares: readonly GuardShare[], budget: number): Scale {
  const ends = shares.filter((share) => share.of > 0).map((share) => share.high);
  return { from: 0, to: Math.min(1, Math.max(2 * budget, 1.1 * Math.max(0, ...ends), 0.001)) };
}

/** What is promised, in one sentence: by the interval, not by the count alone. */
export function promise(point: OperatingPoint): { tone: "good" | "warn" | "bad"; says: string } {
  const { alarms, budget, needed } = point;
  if (alarms.share !== null && alarms.share > budget)
    return { tone: "bad", says: "No threshold keeps to this budget: harmless texts get the highest score there is." };
  if (point.sure) return { tone: "good", says: `At most ${percent(budget)} false alarms, by the interval, too.` };
  const more = needed > 0 ? ` ${needed.toLocaleString("en-US")} without any alarm would do.` : "";
  return {
    tone: "warn",
    says: `By the count it keeps to ${percent(budget)}; ${alarms.of.toLocaleString("en-US")} harmless texts are too few to promise it.${more}`,
  };
}

/** Parts of which there is something to tell, the most alarms first. */
export const partsOf = (parts: readonly PointPart[]): PointPart[] =>
  parts
    .filter((part) => part.alarms.of + part.recall.of > 0)
    .sort((a, b) => (b.alarms.share ?? -1) - (a.alarms.share ?? -1));

export const OUTCOMES: Record<PointCheck["outcome"], { tone: "good" | "warn" | "bad"; says: string }> = {
  fine: { tone: "good", says: "It still does what it was chosen for" },
  unsure: { tone: "warn", says: "It may do worse: by chance, or there was too little to compare" },
  worse: { tone: "bad", says: "It does worse than it was chosen for: no release is made with this version" },
};
