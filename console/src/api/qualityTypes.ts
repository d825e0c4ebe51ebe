/** The shapes of quality over time. */

import type { components } from "./schema";

type S = components["schemas"];

export type FeedbackGroup = S["FeedbackSummary"]["group_by"];
export type FeedbackRow = S["FeedbackRow"];
export type FeedbackSummary = S["FeedbackSummary"];
/** A mean of scores, with what could not be scored kept apart; `corrected` as people would have judged. */
export type Quality = S["Quality"];
export type QualityLine = S["QualityLine"];
export type QualityReport = S["QualityReport"];
export type ScoreNames = S["ScoreNames"];
/** How a judge agreed with people, in one of its versions. */
export type CalibrationView = S["CalibrationView"];
export type CalibrationFigures = CalibrationView["figures"];
export type Figure = CalibrationFigures["kappa"];
export type RuleView = S["RuleView"];
export type OnlineSpec = S["OnlineSpec"];
export type ScheduleSpec = S["ScheduleSpec"];
