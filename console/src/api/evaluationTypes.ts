/** The shapes of datasets, scorers, suites and experiments. What has a default may be left out, in answers as in bodies. */

import type { JsonObject } from "./types";

export type Use = "evaluate" | "tune" | "train";
export type Consent = "unknown" | "given" | "not_needed" | "withdrawn";
export type Pii = "unknown" | "none" | "present" | "redacted";
export type Outcome = "better" | "not_worse" | "worse" | "not_enough_data";

export interface Provenance {
  origin?: "person" | "file" | "trace" | "generator" | "review" | "redteam";
  source?: string;
  span_id?: string;
  author?: string;
  author_name?: string;
  at?: number;
}

/** `input` is a text, or an object with `messages` and `variables`. */
export interface Case {
  id: string;
  input: unknown;
  expected?: unknown;
  context?: string[] | null;
  expected_tool_calls?: unknown[] | null;
  metadata?: JsonObject;
  tags?: string[];
  split?: string;
  group?: string;
  weight?: number;
  provenance?: Provenance;
  licence?: string;
  uses?: Use[];
  consent?: Consent;
  pii?: Pii;
}

export interface SuiteScorer {
  scorer: string;
  name?: string;
  options?: JsonObject;
  at_least?: number | null;
  at_most?: number | null;
  margin?: number | null;
  relative?: boolean;
  required?: boolean;
  better?: "lower" | "higher" | null;
}

export interface SuiteSpec {
  description?: string;
  dataset: string;
  split?: string;
  tags?: string[];
  scorers: SuiteScorer[];
  repeats?: number;
  against?: string;
  alpha?: number;
  rule?: "better" | "not_worse";
  cost_margin?: number | null;
  latency_margin?: number | null;
  most_unscored?: number;
  most_errors?: number;
  budget?: string;
  concurrency?: number;
  freshness_days?: number;
}

export interface Estimate {
  value: number | null;
  low: number | null;
  high: number | null;
  n: number;
  clusters: number;
  unscored?: number;
  errors?: number;
  worst?: number | null;
  best?: number | null;
}

export type Unit = "share" | "number" | "ms" | "picodollars";

export interface MetricReport {
  name: string;
  scorer: string;
  unit: Unit;
  better: "lower" | "higher" | null;
  required: boolean;
  a: Estimate;
  b: Estimate | null;
  difference?: number | null;
  low?: number | null;
  high?: number | null;
  relative?: boolean;
  margin?: number | null;
  p?: number | null;
  adjusted?: number | null;
  outcome?: Outcome | null;
  bound?: "met" | "missed" | "not_enough_data" | null;
  pairs?: number;
  needed?: number | null;
  method?: string;
  says?: string;
}

export interface CaseDelta {
  case_id: string;
  metric: string;
  a: number | null;
  b: number | null;
  delta: number | null;
}

export interface Flaky {
  case_id: string;
  subject: number;
  metric: string;
  passes: number;
  repeats: number;
}

export interface PassK {
  subject: number;
  metric: string;
  k: number;
  all_of: Estimate;
  any_of: Estimate;
}

export interface Report {
  experiment: string;
  suite: string;
  dataset: string;
  version: number;
  subjects: string[];
  cases: number;
  repeats: number;
  outcome: Outcome;
  passed: boolean;
  says: string;
  metrics: MetricReport[];
  correction: string;
  alpha: number;
  flaky?: Flaky[];
  pass_k?: PassK[];
  deltas?: CaseDelta[];
  warnings?: string[];
  made?: number;
}

export interface CellScore {
  name: string;
  value?: number | null;
  label?: string;
  unscored?: string;
  explanation?: string;
  version?: string;
}

export interface Cell {
  subject: number;
  case_id: string;
  repeat: number;
  state: "pending" | "done" | "failed";
  output?: string | null;
  error?: string;
  trace_id?: string;
  latency_ms?: number | null;
  cost?: string | null;
  input_tokens?: number | null;
  output_tokens?: number | null;
  cached?: boolean;
  scores?: CellScore[];
}

export type ExperimentState = "queued" | "running" | "paused" | "done" | "failed" | "cancelled";

export interface ExperimentView {
  id: string;
  suite: string;
  spec: SuiteSpec;
  dataset: string;
  version: number;
  subjects: string[];
  state: ExperimentState;
  origin: string;
  cells: number;
  done: number;
  failed: number;
  cost: string;
  left_ms: number | null;
  reason: string;
  author_name: string;
  created: number;
  started: number | null;
  ended: number | null;
  outcome: Outcome | null;
  passed: boolean | null;
  says: string;
}

export interface SuiteView {
  name: string;
  spec: SuiteSpec;
  hash: string;
  revision: number;
  archived: number | null;
  created: number;
  updated: number;
}

export interface ScorerView {
  name: string;
  version: string;
  about: string;
  kind: "share" | "number" | "label";
  better: "lower" | "higher" | null;
  source: "code" | "llm";
  needs: string[];
  options: JsonObject;
}

export interface NewExperiment {
  suite: string;
  subjects: string[];
  /** With nothing to compare with, whatever the suite says. */
  alone?: boolean;
  repeats?: number;
  budget?: string;
  cases?: number;
  fresh?: boolean;
}

export interface EstimateView {
  subjects: {
    subject: string;
    calls: number;
    known: number;
    per_call: string | null;
    cost: string | null;
    basis: string;
  }[];
  judges: { scorer: string; model: string; questions: number; cost: string | null; basis: string }[];
  cases: number;
  repeats: number;
  cells: number;
  cost: string | null;
  at_least: string;
  budget: string;
  over_budget: boolean;
  unknown: string[];
  notes: string[];
}

export interface DatasetVersion {
  number: number;
  hash: string;
  cases: number;
  splits: Record<string, number>;
  parent: number | null;
  author_name: string;
  message: string;
  created: number;
}

export interface WrittenCases {
  version: DatasetVersion | null;
  /** False where nothing differed from the newest version. */
  created: boolean;
  added: number;
  changed: number;
  removed: number;
  unchanged: number;
  twice?: number;
  left?: string[];
}

export interface DatasetView {
  name: string;
  description: string;
  schema: unknown;
  licence: string;
  newest: number;
  revision: number;
  archived: number | null;
  created: number;
  updated: number;
  /** Of its newest version. */
  cases: number;
  splits: Record<string, number>;
}

export interface JudgeView {
  name: string;
  version: number;
  kind: string;
  options: JsonObject;
  author: string;
  message: string;
  /** Its name in suites and rules. */
  scorer: string;
  archived: number | null;
  created: number;
}

export interface CaseChange {
  case_id: string;
  kind: "added" | "changed" | "removed";
  says: string;
  fields: { field: string; before: unknown; after: unknown; cut?: boolean }[];
  before: Case | null;
  after: Case | null;
}

export interface DatasetDiff {
  dataset: string;
  before: number;
  after: number;
  says: string;
  added: number;
  changed: number;
  removed: number;
  fields: Record<string, number>;
  changes: CaseChange[];
  cursor?: string | null;
}

/** What an ended experiment left at the gate; `refused` says why it does not count. */
export interface SuiteEvidence {
  experiment: string;
  suite: string;
  suite_hash: string;
  dataset: string;
  version: number;
  against: string;
  passed: boolean;
  says: string;
  fresh_until: number;
  refused: string;
}
