/** The shapes of queues, items and verdicts of people. What has a default may be left out of specs. */

import type { JsonObject } from "./types";

export type Decision = "approve" | "correct" | "reject" | "skip";

export interface Criterion {
  name: string;
  question?: string;
  kind?: "pass_fail" | "scale" | "choice" | "text";
  low?: number;
  high?: number;
  choices?: string[];
  required?: boolean;
  judge?: string;
}

export type RuleKind = "search" | "random" | "score" | "disputed" | "complaint" | "guard";

export interface SendRule {
  name: string;
  kind: RuleKind;
  q?: string;
  score?: string;
  at_most?: number | null;
  at_least?: number | null;
  spread?: number;
  share?: number;
  priority?: number;
}

export interface HoldRule {
  model: string;
  words?: string[];
  tools?: string[];
}

export interface Holding {
  rules?: HoldRule[];
  timeout_s?: number;
  wait_s?: number;
  fallback?: string;
  waiting?: string;
}

export interface QueueSpec {
  description?: string;
  instructions?: string;
  criteria?: Criterion[];
  rules?: SendRule[];
  answer_within_s?: number;
  double_share?: number;
  lease_s?: number;
  reviewers?: string[];
  most_open?: number;
  hide_scores?: boolean;
  holding?: Holding | null;
}

export interface QueueView {
  name: string;
  spec: QueueSpec;
  revision: number;
  archived: number | null;
  created: number;
  updated: number;
  standing: { open: number; overdue: number; claimed: number; oldest: number | null };
}

export interface SeenScore {
  name: string;
  value: number | null;
  label: string;
  explanation: string;
  source: string;
  evaluator: string;
}

export interface Subject {
  input: string;
  messages: JsonObject[];
  answer: string | null;
  sources: string[];
  tool_calls: JsonObject[];
  scores: SeenScore[];
  model: string;
  user: string;
  session: string;
  environment: string;
  feature: string;
  started: number;
  note: string;
}

export interface VerdictView {
  reviewer: string;
  reviewer_name: string;
  decision: Decision;
  answers: JsonObject;
  correction: string | null;
  note: string;
  seconds: number | null;
  created: number;
}

export interface ItemView {
  id: string;
  queue: string;
  state: "open" | "done" | "expired" | "dropped";
  why: string[];
  trace_id: string;
  span_id: string;
  app: string;
  release: string;
  subject: Subject;
  priority: number;
  needed: number;
  given: number;
  hold: string;
  assignee: string;
  claimed_by: string;
  claimed_until: number | null;
  due: number | null;
  outcome: { decision: Decision; correction: string | null; agreed: boolean | null; note: string } | null;
  created: number;
  closed: number | null;
  revision: number;
  verdicts: VerdictView[];
  /** The caller's own verdict. */
  mine: VerdictView | null;
  /** What others said is kept from the caller, who has not spoken yet. */
  blind: boolean;
}

export interface Rate {
  value: number | null;
  low: number;
  high: number;
  of: number;
}

export interface OverrideRow {
  group: string;
  decided: number;
  corrected: number;
  rejected: number;
  rate: Rate;
  seconds: number | null;
  late: number;
}

export interface Overrides {
  start: number;
  end: number;
  all: OverrideRow;
  audited: Rate;
  groups: OverrideRow[];
}

export interface CriterionAgreement {
  name: string;
  kind: string | null;
  items: number;
  alike: number | null;
  cohen: number | null;
  cohen_low: number | null;
  cohen_high: number | null;
  krippendorff: number | null;
  krippendorff_low: number | null;
  krippendorff_high: number | null;
}

export interface Agreement {
  queue: string;
  start: number;
  end: number;
  criteria: CriterionAgreement[];
  says: string;
}
