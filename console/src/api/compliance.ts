/** Evidence of a period and cards of apps and models: their shapes and questions, each with its cache key. */

import { queryOptions } from "@tanstack/react-query";
import { get, inProject, withQuery } from "./client";
import { mayPass } from "./queries";
import type { components } from "./schema";

type S = components["schemas"];

export type Pack = S["Pack"];
export type Mapped = S["Mapped"];
export type Control = S["Control"];
export type Section = S["Section"];
export type Card = S["Card"];
export type Cell = Section["rows"][number][number];

export interface Period {
  /** Unix milliseconds. */
  start: number;
  end: number;
}

/** That it was made stands in the audit log: so it is asked for once, and again only by a person. */
export const evidenceQuery = (project: string, period: Period | null, frameworks: readonly string[]) =>
  queryOptions({
    queryKey: ["evidence", project, period, frameworks],
    queryFn: async ({ signal }) =>
      (await get<{ report: Pack }>(evidencePath(project, period, frameworks), signal)).report,
    enabled: period !== null,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    retry: mayPass,
  });

export const evidencePath = (
  project: string,
  period: Period | null,
  frameworks: readonly string[],
  format?: "html",
): string =>
  withQuery(inProject(project, "compliance", "report"), { ...period, frameworks: frameworks.join(","), format });

export const cardPath = (project: string, kind: string, name: string, format?: "html"): string =>
  withQuery(inProject(project, "compliance", kind, name), { format });

export const cardQuery = (project: string, kind: string, name: string) =>
  queryOptions({
    queryKey: ["evidence-card", project, kind, name],
    queryFn: async ({ signal }) => (await get<{ card: Card }>(cardPath(project, kind, name), signal)).card,
    retry: mayPass,
  });
