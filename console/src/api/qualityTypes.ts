/** The shapes of quality over time. */

import type { Window } from "./types";

export type FeedbackGroup = "app" | "release" | "environment" | "feature" | "model" | "variant" | "key";

export interface Share {
  value: number | null;
  low: number;
  high: number;
}

export interface FeedbackRow {
  group: string;
  answers: number;
  responded: number;
  rate: Share;
  rated: number;
  people: number;
  mean: Share;
  worst: number | null;
  best: number | null;
}

export interface FeedbackSummary {
  window: Window;
  group_by: FeedbackGroup;
  all: FeedbackRow;
  groups: FeedbackRow[];
  weighted: number | null;
  uncovered: number;
  kinds: { name: string; label: string; count: number; mean: number | null }[];
  says: string;
}

/** One release's mean of one score, with what could not be scored kept apart. */
export interface QualityPoint {
  release: string;
  start: number;
  end: number;
  value: number | null;
  low: number | null;
  high: number | null;
  n: number;
  unscored: number;
}

export interface QualityTrend {
  score: string;
  app: string;
  points: QualityPoint[];
}

export interface QualityReport {
  window: Window;
  trends: QualityTrend[];
}

/** How a judge agreed with people, in one of its versions. */
export interface CalibrationView {
  id: string;
  scorer: string;
  scorer_version: string;
  labels: number;
  created: number;
  kappa: number | null;
  kappa_low: number | null;
  kappa_high: number | null;
}
