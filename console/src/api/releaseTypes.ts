/** The shapes of apps, releases, environments, rollouts and the audit trail under the names the console uses. */

import type { Knowledge, PinnedKnowledge } from "@/features/apps/knowledgeForm";
import type { GuardSpec } from "./guards";
import type { components } from "./schema";
import type { JsonObject } from "./types";

type S = components["schemas"];
/** The schema says nothing of what is inside JSON objects; here they are read and written as such. */
type WithJson<T, K extends keyof T> = Omit<T, K> & { [key in K]: JsonObject };

/** What has a default is left out of answers, and may be left out of bodies. */
export type AppSpec = Partial<
  Omit<
    WithJson<S["AppSpec"], "parameters" | "policy" | "variables" | "metadata">,
    "route" | "tools" | "output_schema" | "context" | "cache" | "knowledge"
  >
> & {
  knowledge?: Knowledge[];
  route?: string | JsonObject;
  tools?: JsonObject[];
  output_schema?: JsonObject;
  context?: JsonObject | null;
  cache?: JsonObject | null;
};
export type AppView = Omit<S["AppView"], "spec"> & { spec: AppSpec };
export type AppDetail = Omit<S["AppDetail"], "spec"> & { spec: AppSpec };

export type ReleaseRow = S["ReleaseRow"];
export type Source = S["PromptSource"];
export interface PinnedGuard {
  name: string;
  version: number;
  spec: GuardSpec;
}
export type Content = Omit<
  WithJson<S["ReleaseContent"], "parameters" | "policy" | "variables" | "metadata">,
  "route" | "tools" | "output_schema" | "context" | "cache" | "affinity" | "guards" | "knowledge"
> & {
  knowledge?: PinnedKnowledge[];
  guards?: PinnedGuard[];
  route: string | JsonObject;
  tools: JsonObject[];
  output_schema: JsonObject | null;
  context: JsonObject | null;
  cache: JsonObject | null;
  affinity: JsonObject | null;
};
export type ReleaseDetail = Omit<S["ReleaseDetail"], "content"> & { content: Content };
export type CreatedRelease = S["CreatedRelease"];
export type ReleaseChange = S["ReleaseChange"];
export type PromptChanges = S["PromptChanges"];
export type MessageChange = S["MessageChange"];
export type ReleaseDiff = S["ReleaseDiff"];

export type Freeze = Partial<S["Freeze"]> & Pick<S["Freeze"], "name">;
export type Protection = Partial<Omit<S["Protection"], "freezes">> & { freezes?: Freeze[] };
export type EnvironmentView = Omit<S["EnvironmentView"], "protection"> & { protection: Protection };
export type Readiness = Pick<S["ReadinessView"], "ready" | "checks">;
export type ApprovalView = S["ApprovalView"];
export type GateView = S["GateView"];
export type Outcome = GateView["outcome"];

export type Step = Partial<S["Step"]> & Pick<S["Step"], "share">;
/** By where it stands: another room has a schema of this name. */
export type Segment = Partial<NonNullable<S["Plan"]["segment"]>>;
export type Plan = Partial<Omit<S["Plan"], "steps" | "segment">> & { steps?: Step[]; segment?: Segment | null };
export type RolloutKind = S["Plan"]["kind"];
export type RolloutView = Omit<S["RolloutView"], "plan"> & { plan: Plan };
/** Of an open rollout `evidence` is what the figures say now, and `decided` what its last move was decided by. */
export type RolloutDetail = Omit<S["RolloutDetail"], "plan"> & { plan: Plan };
export type RolloutAction = RolloutView["actions"][number];
export type PlacementView = Omit<S["PlacementView"], "open"> & { open: RolloutView | null };
export type ArmValue = S["ArmValue"];
export type Evidence = S["Evidence"];
export type Decision = S["Decision"];

export type AuditEntryView = Omit<S["AuditEntryView"], "detail"> & { detail: JsonObject };
export type PromptView = S["PromptView"];
