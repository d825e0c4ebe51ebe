/** Entries of the audit trail in words, and where their subject is to be found. */

import type { AuditEntryView } from "@/api/releaseTypes";

const ACTIONS: Record<string, string> = {
  "app.created": "made the app",
  "app.changed": "edited the draft",
  "app.archived": "put the app away",
  "app.restored": "took the app out again",
  "release.created": "created the release",
  "release.approved": "approved the release",
  "release.approval_withdrawn": "took back the approval",
  "folder.applied": "applied a folder of config",
  "gate.recorded": "recorded a gate's verdict",
  "environment.set": "changed the environment",
  "environment.removed": "removed the environment",
  "rollout.started": "began the rollout",
  "rollout.advanced": "went to the next step",
  "rollout.held": "held the rollout",
  "rollout.resumed": "let it go on",
  "rollout.promoted": "promoted the release",
  "rollout.rolled_back": "rolled back",
  "rollout.stopped": "stopped the rollout",
  "placement.changed": "changed what runs",
};

/** `release.labels_moved` that nobody has words for yet is still readable. */
export const actionWords = (action: string): string => ACTIONS[action] ?? action.replaceAll(/[._]/g, " ");

export type Subject =
  | { kind: "app"; app: string }
  | { kind: "release"; app: string; release: string }
  | { kind: "environment"; environment: string }
  | { kind: "placement"; app: string; environment: string }
  | { kind: "rollout"; app: string; environment: string; rollout: string }
  | { kind: "other"; text: string };

export function subjectOf(text: string): Subject {
  const [kind, ...rest] = text.split(":");
  const name = rest.join(":");
  const [app = "", at = ""] = name.split("@");
  if (kind === "app" && name) return { kind, app: name };
  if (kind === "release" && app && at) return { kind, app, release: at };
  if (kind === "environment" && name) return { kind, environment: name };
  if (kind === "placement" && app && at) return { kind, app, environment: at };
  if (kind === "rollout" && app && at.includes(":")) {
    const [environment = "", rollout = ""] = at.split(":");
    return { kind, app, environment, rollout };
  }
  return { kind: "other", text };
}

/** The few things of an entry that people look for; the rest is in its detail. */
export function reasonOf(entry: AuditEntryView): string {
  const { reason, message, override } = entry.detail as { reason?: unknown; message?: unknown; override?: unknown };
  const said = reason || message; // a release has a message
  const told = typeof said === "string" ? verdictOf(said) : "";
  return typeof override === "string" && override
    ? `${told ? `${told} ` : ""}(without what is demanded: ${override})`
    : told;
}

/** A gate's verdict of our own evaluation is a record for programs; what it says in words is one field of it. */
function verdictOf(text: string): string {
  if (!text.startsWith("{")) return text;
  try {
    const { says } = JSON.parse(text) as { says?: unknown };
    return typeof says === "string" && says ? says : text;
  } catch {
    return text; // somebody's own words that begin with a brace
  }
}

/** What a key is called: its id tells people nothing. */
export function keyNameOf(entry: AuditEntryView): string {
  if (!entry.subject.startsWith("key:")) return "";
  const { from, to, name } = entry.detail as Record<string, unknown>;
  const named = [to, from].map((each) => (each as { name?: unknown } | null | undefined)?.name);
  const found = [...named, name].find((each) => typeof each === "string" && each !== "");
  return typeof found === "string" ? found : "";
}

/** What went from what to what, where it is that simple. */
export function stepOf(entry: AuditEntryView): string {
  const { from, to } = entry.detail as { from?: unknown; to?: unknown };
  if (entry.action === "placement.changed") return `${release(from)} → ${release(to)}`;
  const [before, after] = [shareOf(from), shareOf(to)];
  return before && after && before !== after ? `${before} → ${after}` : after;
}

const release = (value: unknown) => (typeof value === "number" ? `r${value}` : "nothing");
function shareOf(value: unknown): string {
  const share = (value as { share?: unknown } | null)?.share;
  return typeof share === "number" ? `${Math.round(1000 * share) / 10} %` : "";
}
