/** An environment's protection as fields to fill in. */

import type { EnvironmentView, Freeze, Protection } from "@/api/releaseTypes";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Day = (typeof DAYS)[number];
export const DAY_NAMES: Record<Day, string> = {
  mon: "Monday",
  tue: "Tuesday",
  wed: "Wednesday",
  thu: "Thursday",
  fri: "Friday",
  sat: "Saturday",
  sun: "Sunday",
};

export interface FreezeForm {
  name: string;
  kind: "once" | "weekly";
  /** Values of datetime-local fields, in the reader's time zone. */
  start: string;
  end: string;
  days: Day[];
  after: string;
  before: string;
  timezone: string;
}

export interface EnvironmentForm {
  name: string;
  position: string;
  isDefault: boolean;
  gate: boolean;
  gateDays: string;
  /** Each must have been run on the release and passed. */
  suites: string[];
  approvals: string;
  note: boolean;
  freezes: FreezeForm[];
}
export type EnvironmentErrors = Partial<Record<"name" | "position" | "gateDays" | "approvals", string>> & {
  freezes?: Record<number, string>;
};

const NAME = /^[a-z][a-z0-9-]{0,39}$/;
const CLOCK = /^([01]\d|2[0-3]):[0-5]\d$/;
const MOST_APPROVALS = 20;

export function freshFreeze(timezone: string): FreezeForm {
  return {
    name: "",
    kind: "weekly",
    start: "",
    end: "",
    days: ["sat", "sun"],
    after: "00:00",
    before: "00:00",
    timezone,
  };
}

/** RFC 3339 as the value of a datetime-local field, and back. */
export function localOf(moment: string): string {
  const ms = Date.parse(moment);
  if (Number.isNaN(ms)) return "";
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
export const momentOf = (local: string): string => (local === "" ? "" : new Date(local).toISOString());

export function formOf(environment: EnvironmentView | undefined, position: number): EnvironmentForm {
  const protection = environment?.protection;
  return {
    name: environment?.name ?? "",
    position: String(environment?.position ?? position),
    isDefault: environment?.default ?? false,
    gate: protection?.gate ?? false,
    gateDays: String(protection?.gate_days ?? 30),
    suites: protection?.suites ?? [],
    approvals: String(protection?.approvals ?? 0),
    note: protection?.note ?? false,
    freezes: (protection?.freezes ?? []).map((freeze) => ({
      name: freeze.name,
      kind: freeze.start || freeze.end ? "once" : "weekly",
      start: localOf(freeze.start ?? ""),
      end: localOf(freeze.end ?? ""),
      days: DAYS.filter((day) => freeze.days?.includes(day)),
      after: freeze.after ?? "",
      before: freeze.before ?? "",
      timezone: freeze.timezone ?? "UTC",
    })),
  };
}

/** Verdicts grow old; then it matters for how long they hold. */
export const asksForVerdicts = (form: Pick<EnvironmentForm, "gate" | "suites">): boolean =>
  form.gate || form.suites.length > 0;

export function check(form: EnvironmentForm): EnvironmentErrors {
  const errors: EnvironmentErrors = {};
  if (!NAME.test(form.name)) errors.name = "Up to 40 of a-z, 0-9 and -, beginning with a letter.";
  if (!/^\d{1,6}$/.test(form.position)) errors.position = "A whole number; smaller ones come first.";
  if (asksForVerdicts(form) && !(Number(form.gateDays) > 0)) errors.gateDays = "A number of days, more than 0.";
  const approvals = Number(form.approvals);
  if (!/^\d+$/.test(form.approvals) || approvals > MOST_APPROVALS) errors.approvals = "A whole number from 0 to 20.";
  const freezes: Record<number, string> = {};
  form.freezes.forEach((freeze, i) => {
    const wrong = wrongFreeze(freeze);
    if (wrong) freezes[i] = wrong;
  });
  if (Object.keys(freezes).length > 0) errors.freezes = freezes;
  return errors;
}

function wrongFreeze(freeze: FreezeForm): string | undefined {
  if (!freeze.name.trim()) return "Say what it is for; people who are refused read it.";
  if (freeze.kind === "once") {
    if (!freeze.start || !freeze.end) return "It needs a beginning and an end.";
    return Date.parse(freeze.start) < Date.parse(freeze.end) ? undefined : "It ends before it begins.";
  }
  if (freeze.days.length === 0) return "Choose the days.";
  return CLOCK.test(freeze.after) && CLOCK.test(freeze.before) ? undefined : "Times are HH:MM, from 00:00 to 23:59.";
}

export function protectionOf(form: EnvironmentForm): Protection {
  return {
    gate: form.gate,
    gate_days: asksForVerdicts(form) ? Number(form.gateDays) : 30,
    ...(form.suites.length > 0 ? { suites: form.suites } : {}),
    approvals: Number(form.approvals),
    note: form.note,
    freezes: form.freezes.map(freezeOf),
  };
}

function freezeOf(freeze: FreezeForm): Freeze {
  const name = freeze.name.trim();
  if (freeze.kind === "once") return { name, start: momentOf(freeze.start), end: momentOf(freeze.end) };
  const { days, after, before, timezone } = freeze;
  return { name, days, after, before, timezone };
}

export const isProtected = (protection: Protection): boolean =>
  Boolean(
    protection.gate ||
      protection.suites?.length ||
      protection.approvals ||
      protection.note ||
      protection.freezes?.length,
  );

/** "Asks for a passed gate, 2 approvals and a note; frozen at weekends." */
export function inWords(protection: Protection): string {
  const demands = [
    protection.gate && `a passed gate at most ${protection.gate_days ?? 30} days old`,
    protection.suites?.length &&
      `the ${protection.suites.length === 1 ? "suite" : "suites"} ${protection.suites.join(", ")} passed`,
    protection.approvals && `${protection.approvals} ${protection.approvals === 1 ? "approval" : "approvals"}`,
    protection.note && "a note",
  ].filter((demand): demand is string => Boolean(demand));
  if (demands.length === 0)
    return protection.freezes?.length
      ? "A release may run here at any time that is not frozen."
      : "Not protected: whoever may promote can promote here at once.";
  const last = demands.pop();
  return `A release needs ${demands.length > 0 ? `${demands.join(", ")} and ` : ""}${last}.`;
}

export function freezeInWords(freeze: Freeze): string {
  if (freeze.start || freeze.end)
    return `once, ${localOf(freeze.start ?? "").replace("T", " ")} to ${localOf(freeze.end ?? "").replace("T", " ")}`;
  const days = DAYS.filter((day) => freeze.days?.includes(day)).map((day) => DAY_NAMES[day]);
  const [after, before] = [freeze.after || "00:00", freeze.before || "00:00"];
  const when =
    after === before && after === "00:00"
      ? ", all day"
      : ` from ${after} to ${before}${after < before ? "" : " the day after"}`;
  return `every ${days.join(", ")}${when}, ${freeze.timezone || "UTC"}`;
}
