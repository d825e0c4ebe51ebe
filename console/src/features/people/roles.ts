/** Permissions, grouped by what they are about, and what a form makes of them. */

import type { MemberView, RoleView } from "@/api/types";

/** The areas in the order in which the console has its pages; what is in none stands under the last. */
const AREAS: [string, string[]][] = [
  ["Watching", ["trace", "content", "score", "sql", "view", "cost"]],
  ["Shipping", ["prompt", "release", "gate", "feedback"]],
  ["Measuring", ["dataset", "evaluation", "review"]],
  ["Protecting", ["guard", "policy", "audit", "retention", "erasure", "encryption", "legal_hold"]],
  ["Running", ["provider", "model", "route", "limit", "cache", "forward", "knowledge"]],
  ["People and projects", ["key", "member", "role", "organisation", "project"]],
];
const REST = "Others";

export interface Area {
  name: string;
  permissions: string[];
}

const ORDER = ["read", "write"];
const rank = (permission: string) =>
  (ORDER.indexOf(permission.split(":")[1] ?? "") + ORDER.length + 1) % (ORDER.length + 1);
const subjectOf = (permission: string) => permission.split(":")[0] ?? permission;

/** What an organisation's own role may hold, by area: everybody has `self`, and no role has what is of the instance. */
export function areasOf(permissions: readonly string[], instanceOnly: readonly string[]): Area[] {
  const open = permissions.filter((each) => each !== "self" && !instanceOnly.includes(each));
  const areas = AREAS.map(([name, subjects]) => ({
    name,
    permissions: subjects.flatMap((subject) =>
      open.filter((each) => subjectOf(each) === subject).sort((a, b) => rank(a) - rank(b)),
    ),
  }));
  const placed = new Set(areas.flatMap((area) => area.permissions));
  const rest = { name: REST, permissions: open.filter((each) => !placed.has(each)) };
  return [...areas, rest].filter((area) => area.permissions.length > 0);
}

const VERBS: Record<string, string> = {
  read: "see",
  write: "change",
  call: "call",
  search: "search",
  approve: "approve",
  promote: "promote",
  manage: "manage",
  unmask: "unmask, with a reason,",
};
const SUBJECTS: Record<string, string> = {
  trace: "traces",
  content: "texts of calls",
  score: "scores",
  sql: "SQL over telemetry",
  view: "views and dashboards",
  cost: "costs and prices",
  prompt: "prompts",
  release: "releases",
  gate: "gates' verdicts",
  feedback: "feedback",
  dataset: "datasets",
  evaluation: "suites and experiments",
  review: "review",
  guard: "guards",
  policy: "policies",
  audit: "the audit log",
  retention: "retention",
  erasure: "erasures",
  encryption: "encryption",
  legal_hold: "legal holds",
  provider: "providers",
  model: "models",
  route: "routes",
  limit: "limits",
  cache: "the cache",
  forward: "forwards",
  knowledge: "knowledge",
  key: "keys",
  member: "members",
  role: "roles",
  organisation: "the organisation",
  project: "the project",
};

/** `change prompts` for `prompt:write`; what is not known here stays as it is. */
export function saying(permission: string): string {
  const [subject = "", verb = ""] = permission.split(":");
  const [does, what] = [VERBS[verb], SUBJECTS[subject]];
  return does && what ? `${does} ${what}` : permission;
}

/** Who has a role in these places. Members of the organisation count in each of its projects. */
export function holdersOf(role: string, members: readonly MemberView[]): MemberView[] {
  return members.filter((member) => member.role === role);
}

export interface RoleDraft {
  name: string;
  about: string;
  permissions: string[];
}

export const draftOf = (role: RoleView | undefined): RoleDraft => ({
  name: role?.built_in ? "" : (role?.name ?? ""),
  about: role?.about ?? "",
  permissions: [...(role?.permissions ?? [])],
});

/** What is wrong with the name, empty for nothing: as the server has it. */
export function nameFault(name: string, taken: readonly string[]): string {
  if (!/^[a-z][a-z0-9_-]{0,39}$/.test(name)) return "Small letters, digits, - and _, a letter first; 40 at most.";
  return taken.includes(name) ? "There is such a role." : "";
}

/** What a change of a role gives and takes. */
export function changesOf(before: readonly string[], after: readonly string[]): { given: string[]; taken: string[] } {
  return {
    given: after.filter((each) => !before.includes(each)),
    taken: before.filter((each) => !after.includes(each)),
  };
}
