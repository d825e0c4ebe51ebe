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

/** A mean of scores, with what could not be scored kept apart; `corrected` as people would have judged. */
export interface Quality {
  value: number | null;
  low: number | null;
  high: number | null;
  n: number;
  clusters: number;
  unscored: number;
  worst: number | null;
  best: number | null;
  corrected: number | null;
  corrected_low: number | null;
  corrected_high: number | null;
  method: string;
}

export interface QualityLine {
  app: string;
  release: string;
  /** When the day began (UTC); null for the whole window. */
  day: number | null;
  judges: string[];
  quality: Quality;
}

export interface QualityReport {
  score: string;
  start: number;
  end: number;
  releases: QualityLine[];
  days: QualityLine[];
  says: string;
}

export interface Figure {
  value: number | null;
  low: number | null;
  high: number | null;
}

export interface CalibrationFigures {
  labels: number;
  disputed: number;
  judged: number;
  classes: string[];
  /** `confusion[i][j]`: how many people called `classes[i]` and the judge `classes[j]`. */
  confusion: number[][];
  alike: Figure;
  kappa: Figure;
  sensitivity: Figure;
  specificity: Figure;
  raw: number | null;
  rogan_gladen: Figure & { method: string };
  prediction_powered: Figure & { method: string };
  drift: { drifted: boolean; says: string };
  segments?: { by: string; group: string; labels: number; alike: Figure }[];
}

/** How a judge agreed with people, in one of its versions. */
export interface CalibrationView {
  id: string;
  scorer: string;
  scorer_version: string;
  labels: number;
  figures: CalibrationFigures;
  created: number;
}
