/** Searches of the trace list that apps, releases and environments lead to, and the way back. */

import { setOnly } from "@/search/language";

interface Where {
  app: string;
  release?: number | string;
  environment?: string;
}

export function tracesOf({ app, release, environment }: Where): string {
  let q = setOnly("", "app", app);
  if (release !== undefined) q = setOnly(q, "release", typeof release === "number" ? `r${release}` : release);
  return environment ? setOnly(q, "environment", environment) : q;
}

/** The number of a release as spans carry it (`r12`); null for what foreign spans call a release. */
export function numberOf(release: string): number | null {
  const found = /^r([1-9]\d{0,8})$/.exec(release);
  return found ? Number(found[1]) : null;
}
