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

/** The last that was tried in an environment, where that went back and nothing was tried there since. */
export function lastTakenBack(
  releases: readonly Pick<ReleaseRow, "ref" | "tried" | "runs_in">[],
  environment: string,
): { release: string; tried: Tried } | undefined {
  // Releases come page by page: of one that runs and is not there yet nobody knows when it came.
  if (!releases.some((each) => each.runs_in.includes(environment))) return undefined;
  const all = releases.flatMap(({ ref, tried }) => tried.map((each) => ({ release: ref, tried: each })));
  const last = all
    .filter(({ tried }) => tried.environment === environment)
    .sort((a, b) => b.tried.started - a.tried.started)[0];
  return last?.tried.state === "rolled_back" ? last : undefined;
}

/** `Rolled back from production on ...: errors 8 % against 1 %` */
export function backWords(each: Tried): string {
  const when = formatDateTime(each.ended ?? each.started);
  return `Rolled back from ${each.environment} on ${when}: ${each.reason || "no reason was given"}`;
}
