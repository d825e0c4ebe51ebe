import type { ReleaseRow } from "@/api/releaseTypes";
import { formatDateTime } from "@/lib/format";

type Tried = ReleaseRow["tried"][number];

/** Of each environment where a release does not run, its last rollout, where that was rolled back. Newest first. */
export function takenBack(release: Pick<ReleaseRow, "tried" | "runs_in">): Tried[] {
  const last = new Map<string, Tried>();
  for (const each of release.tried) if (!last.has(each.environment)) last.set(each.environment, each);
  return [...last.values()].filter(
    (each) => each.state === "rolled_back" && !release.runs_in.includes(each.environment),
  );
}

/** `Rolled back from production on ...: errors 8 % against 1 %` */
export function backWords(each: Tried): string {
  const when = formatDateTime(each.ended ?? each.started);
  return `Rolled back from ${each.environment} on ${when}: ${each.reason || "no reason was given"}`;
}
