/** The shapes of datasets, scorers, suites and experiments, from the API's own description. What has a default is left
 * out of specs and cases, in answers as in bodies. */

import type { components } from "./schema";
import type { JsonObject } from "./types";

type S = components["schemas"];
/** What has a default may be left out. */
export type Lax<T, Needed extends keyof T> = Pick<T, Needed> & Partial<T>;

export type Outcome = S["ReportView"]["outcome"];

/** `input` is a text, or an object with `messages` and `variables`. */
export type Case = Omit<Lax<S["CaseView"], "id" | "input">, "metadata" | "provenance"> & {
  metadata?: JsonObject;
  provenance?: Provenance;
};
export type Provenance = Partial<S["CaseProvenance"]>;
export type Use = S["CaseView"]["uses"][number];
export type Consent = S["CaseView"]["consent"];
export type Pii = S["CaseView"]["pii"];

export type SuiteScorer = Omit<Lax<S["SuiteScorer"], "scorer">, "options"> & { options?: JsonObject };
export type SuiteSpec = Omit<Lax<S["SuiteSpec"], "dataset">, "scorers"> & { scorers: SuiteScorer[] };
export type SuiteView = Omit<S["SuiteView"], "spec"> & { spec: SuiteSpec };

export type Estimate = S["Estimate"];
export type MetricReport = S["MetricReport"];
export type Unit = MetricReport["unit"];
export type CaseDelta = S["CaseDelta"];
/** What a case that changed says, shortened; `answers` in the order of the subjects. */
export type CaseTexts = S["CaseTexts"];
export type Flaky = S["Flaky"];
export type PassK = S["PassK"];
export type Report = S["ReportView"];

export type Cell = S["CellView"];

export type ExperimentView = Omit<S["ExperimentView"], "spec"> & { spec: SuiteSpec };
export type ExperimentState = ExperimentView["state"];
export type NewExperiment = Lax<S["NewExperiment"], "suite" | "subjects">;
export type ResumeExperiment = Partial<S["ResumeExperiment"]>;
export type EstimateView = S["ExperimentEstimate"];

export type ScorerView = Omit<S["ScorerEntry"], "options"> & { options: JsonObject };
export type JudgeView = Omit<S["JudgeView"], "options"> & { options: JsonObject };

export type DatasetVersion = S["VersionOfDataset"];
export type WrittenCases = S["WrittenCases"];
export type DatasetView = S["DatasetView"];
export type CaseChange = Omit<S["CaseChangeView"], "before" | "after"> & { before: Case | null; after: Case | null };
export type DatasetDiff = Omit<S["DatasetDiffView"], "changes"> & { changes: CaseChange[] };

/** What an ended experiment left at the gate; `refused` says why it does not count. It lies in a gate's verdict as JSON
 * that the API does not describe further. */
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
