/** The pages under “Measure” and what is opened from them. */

import { createRoute } from "@tanstack/react-router";
import { fields, page, projectRoute, RANGE, type Raw } from "./inside";

const quality = createRoute({
  getParentRoute: () => projectRoute,
  path: "quality",
  component: page(() => import("@/features/quality/QualityPage"), "QualityPage"),
  validateSearch: (raw: Raw) => fields(raw, ...RANGE, "app", "score", "view", "by", "edit", "new"),
});

const reviews = createRoute({
  getParentRoute: () => projectRoute,
  path: "review",
  component: page(() => import("@/features/review/QueuesPage"), "QueuesPage"),
  validateSearch: (raw: Raw) => fields(raw, "view", "edit", "new", "by", "queue", "archived"),
});

const review = createRoute({
  getParentRoute: () => projectRoute,
  path: "review/$queue",
  component: page(() => import("@/features/review/ReviewPage"), "ReviewPage"),
  validateSearch: (raw: Raw) => fields(raw, "item", "state"),
});

const datasets = createRoute({
  getParentRoute: () => projectRoute,
  path: "datasets",
  component: page(() => import("@/features/datasets/DatasetsPage"), "DatasetsPage"),
  validateSearch: (raw: Raw) => fields(raw, "new", "archived", "sort"),
});

const dataset = createRoute({
  getParentRoute: () => projectRoute,
  path: "datasets/$dataset",
  component: page(() => import("@/features/datasets/DatasetPage"), "DatasetPage"),
  validateSearch: (raw: Raw) =>
    fields(raw, "view", "version", "q", "split", "tag", "case", "edit", "new", "import", "before", "after"),
});

const suites = createRoute({
  getParentRoute: () => projectRoute,
  path: "suites",
  component: page(() => import("@/features/suites/SuitesPage"), "SuitesPage"),
  validateSearch: (raw: Raw) => fields(raw, "new", "archived", "dataset"),
});

const suite = createRoute({
  getParentRoute: () => projectRoute,
  path: "suites/$suite",
  component: page(() => import("@/features/suites/SuitePage"), "SuitePage"),
  validateSearch: (raw: Raw) => fields(raw, "edit", "run", "a", "b"),
});

const experiments = createRoute({
  getParentRoute: () => projectRoute,
  path: "experiments",
  component: page(() => import("@/features/experiments/ExperimentsPage"), "ExperimentsPage"),
  validateSearch: (raw: Raw) => fields(raw, "suite"),
});

const experiment = createRoute({
  getParentRoute: () => projectRoute,
  path: "experiments/$experiment",
  component: page(() => import("@/features/experiments/ExperimentPage"), "ExperimentPage"),
  validateSearch: (raw: Raw) => fields(raw, "metric", "cases", "case"),
});

const scorers = createRoute({
  getParentRoute: () => projectRoute,
  path: "scorers",
  component: page(() => import("@/features/scorers/ScorersPage"), "ScorersPage"),
  validateSearch: (raw: Raw) => fields(raw, "edit", "new", "try"),
});

export const measure = [
  quality,
  reviews,
  review,
  datasets,
  dataset,
  suites,
  suite,
  experiments,
  experiment,
  scorers,
] as const;
