/** Red teams: their shapes, and questions about them, each with its cache key. */

import { queryOptions } from "@tanstack/react-query";
import { get, inProject, post } from "./client";
import type { ExperimentView } from "./evaluationTypes";
import { experimentsKey } from "./experiments";
import { mayPass } from "./queries";
import type { components } from "./schema";

type S = components["schemas"];

export type Family = S["FamilyView"];
export type Tally = S["Tally"];
export type RedteamReport = S["RedteamReportView"];
export type RedteamEstimate = S["RedteamEstimate"];
export type Line = RedteamReport["owasp"][number];
export type Example = RedteamReport["examples"][number];
/** What has a default may be left out. */
export type NewRedteam = Partial<S["NewRedteam"]> & { subjects: string[] };
export interface RedteamStarted {
  attacks: number;
  experiment: ExperimentView;
}

export const familiesQuery = (project: string) =>
  queryOptions({
    queryKey: ["attack-families", project],
    queryFn: ({ signal }) =>
      get<{ items: Family[]; mutators: string[] }>(inProject(project, "redteam", "families"), signal),
    staleTime: 300_000,
  });

/** What it would cost. Nothing is begun. */
export const redteamEstimateQuery = (project: string, run: NewRedteam, enabled: boolean) =>
  queryOptions({
    queryKey: ["redteam-estimate", project, run],
    queryFn: () => post<RedteamEstimate>(inProject(project, "redteam", "estimate"), run),
    enabled,
    staleTime: 60_000,
    retry: false,
    placeholderData: (before) => before,
  });

/** Of one that runs it is of what is there. `done` makes it asked for again as answers come in. */
export const redteamReportQuery = (project: string, experiment: string, done: number, state: string) =>
  queryOptions({
    queryKey: [...experimentsKey(project), "redteam", experiment, state === "done" ? state : done],
    queryFn: ({ signal }) => get<RedteamReport>(inProject(project, "redteam", experiment, "report"), signal),
    placeholderData: (before) => before,
    retry: mayPass,
  });
