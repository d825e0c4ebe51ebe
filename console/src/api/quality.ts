/** Questions about quality over time: scores of live traffic, what users say, how far judges agree with people. */

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, inProject, put, withQuery } from "./client";
import type {
  CalibrationView,
  FeedbackGroup,
  FeedbackSummary,
  QualityReport,
  RuleView,
  ScoreNames,
} from "./qualityTypes";
import { everyPage, mayPass } from "./queries";
import type { Window } from "./types";

export const feedbackQuery = (project: string, window: Window, groupBy: FeedbackGroup, q = "") =>
  queryOptions({
    queryKey: ["feedback", project, q, window.start, window.end, groupBy],
    queryFn: ({ signal }) =>
      get<FeedbackSummary>(
        withQuery(inProject(project, "feedback", "summary"), { q, ...window, group_by: groupBy }),
        signal,
      ),
    placeholderData: keepPreviousData,
    retry: mayPass,
  });

/** The scores of quality that there are, most frequent first. */
export const scoreNamesQuery = (project: string, window: Window) =>
  queryOptions({
    queryKey: ["quality-scores", project, window.start, window.end],
    queryFn: ({ signal }) => get<ScoreNames>(withQuery(inProject(project, "quality", "scores"), { ...window }), signal),
    placeholderData: keepPreviousData,
    retry: mayPass,
  });

/** Release after release, and day after day. */
export const qualityQuery = (project: string, window: Window, app: string, score: string) =>
  queryOptions({
    queryKey: ["quality", project, window.start, window.end, app, score],
    enabled: score !== "",
    queryFn: ({ signal }) =>
      get<QualityReport>(withQuery(inProject(project, "quality"), { app, score, ...window }), signal),
    placeholderData: keepPreviousData,
    retry: mayPass,
  });

/** Newest first. */
export const calibrationsQuery = (project: string, judge: string) =>
  queryOptions({
    queryKey: ["calibrations", project, judge],
    queryFn: ({ signal }) => everyPage<CalibrationView>(inProject(project, "judges", judge, "calibrations"), signal),
    retry: mayPass,
  });

export const onlineRulesKey = (project: string) => ["online-rules", project] as const;

/** Rules that score live answers, and schedules of suites; each with what it did today. */
export const onlineRulesQuery = (project: string) =>
  queryOptions({
    queryKey: onlineRulesKey(project),
    queryFn: ({ signal }) => everyPage<RuleView>(inProject(project, "online-rules"), signal),
    refetchInterval: 10_000,
    retry: mayPass,
  });

export const putOnlineRule = (
  project: string,
  name: string,
  body: { spec: unknown; paused: boolean; expected_revision?: number },
) => put<RuleView>(inProject(project, "online-rules", name), body);
