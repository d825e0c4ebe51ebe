/** What somebody else saved while a form was open: where it differs, and how both go together. Pure. */

import { ApiProblem, asProblem } from "@/api/client";

/** What a form would hold if it began now, and the revision that this is of; none of what the server keeps none of. */
export interface Now<Form> {
  form: Form;
  revision?: number | undefined;
}

/** One field that is another by now. `yours`: what the form says, where that is neither. */
export interface Difference {
  field: string;
  was: string;
  is: string;
  yours?: string;
}

/** The server's refusal of what was made from an older revision. */
export const isConflict = (error: unknown): boolean => asProblem(error).code === "revision_conflict";

/** Somebody else saved since a form was opened, and the ways on; without them, they removed it. */
export interface Meant {
  differences: Difference[];
  merge: () => void;
  take: () => void;
}

/** What a refusal of `problem` means to a form that was opened as `base` and now says `form`. */
export function meantBy<Form>(
  problem: unknown,
  { base, form, now }: { base: Now<Form>; form: Form; now: Now<Form> | undefined },
  goOn: (now: Now<Form>, next: Form) => void,
): Meant | "gone" | undefined {
  if (!problem || !isConflict(problem) || !now) return undefined;
  if (now.revision === base.revision) return "gone";
  return {
    differences: differences(base.form, form, now.form),
    merge: () => goOn(now, merged(base.form, form, now.form)),
    take: () => goOn(now, now.form),
  };
}

/** Says that somebody else saved meanwhile, instead of writing over it: of what the server keeps no revision of. */
export function unlessChanged<Form extends object>(opened: Form, now: Now<Form> | undefined): void {
  if (!now || now.revision !== undefined || same(now.form, opened)) return;
  throw new ApiProblem({
    status: 409,
    code: "revision_differs",
    detail: "Somebody else changed it since you began.",
    fix: "Nothing was saved. Keep what you wrote elsewhere, close this and edit it again: it then begins as it is now.",
  });
}

/** `now` with everything on top that `mine` changed of `opened`. Of lists and texts one side is taken whole. */
export function merged<T>(opened: T, mine: T, now: T): T {
  if (same(opened, mine)) return now;
  if (!isRecord(opened) || !isRecord(mine) || !isRecord(now)) return mine;
  const names = new Set([...Object.keys(now), ...Object.keys(mine)]);
  const found = [...names].map((name) => [name, merged(opened[name], mine[name], now[name])] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined)) as T;
}

/** Where `now` is not as it was when the form was opened, field by field. */
export function differences(opened: unknown, mine: unknown, now: unknown, field = ""): Difference[] {
  if (same(opened, now)) return [];
  if (isRecord(opened) && isRecord(now)) {
    const names = new Set([...Object.keys(opened), ...Object.keys(now)]);
    const own = isRecord(mine) ? mine : {};
    return [...names].flatMap((name) =>
      differences(opened[name], own[name], now[name], field ? `${field}: ${words(name)}` : words(name)),
    );
  }
  const yours = !same(mine, opened) && !same(mine, now);
  return [{ field, was: told(opened), is: told(now), ...(yours && { yours: told(mine) }) }];
}

export const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function words(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/[_.]/g, " ")
    .toLowerCase();
}

function told(value: unknown): string {
  if (value === undefined || value === null || value === "") return "nothing";
  if (value === true) return "on";
  if (value === false) return "off";
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value.join(", ") || "nothing";
  return typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
}
