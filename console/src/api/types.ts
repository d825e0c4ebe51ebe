/** The API's shapes under the names the console uses; generated from `schemas/openapi.json` by `npm run types`. */

import type { components, operations } from "./schema";

type S = components["schemas"];
/** A body where what has a default may be left out. */
type Body<T, Needed extends keyof T> = Pick<T, Needed> & Partial<T>;

export type Me = S["Me"];
export type ProjectView = S["ProjectView"];
export type KeyPage = S["KeyPage"];
export type KeyView = S["KeyView"];
export type NewKey = Body<S["NewKey"], "name" | "role" | "expires">;
export type MemberView = S["MemberView"];
export type RoleView = S["RoleView"];
export type RoleList = S["RoleList"];
export type WaysIn = S["WaysIn"];
export type IssuedKey = S["IssuedKey"];
export type TimeoutsBody = S["TimeoutsBody"];
export type ProviderKindView = S["ProviderKindView"];
export type ProviderView = S["ProviderView"];
export type NewProvider = Body<S["NewProvider"], "name">;
export type ProviderPatch = Omit<S["ProviderPatch"], "expected_revision">;
export type PriceBody = S["PriceBody"];
export type PriceView = S["PriceView"];
export type ModelView = S["ModelView"];
export type NewModel = Body<S["NewModel"], "name" | "provider">;
export type ModelPatch = Omit<S["ModelPatch"], "expected_revision">;
export type TestResult = S["TestResult"];
export type ServerStatus = S["ServerStatus"];
export type Problem = S["Problem"];
export type Meanwhile = S["Meanwhile"];

export type Tokens = S["Tokens"];
export type SpanRow = S["SpanRow"];
export type TracePage = S["TracePage"];
export type DecisionLine = S["DecisionLine"];
export type TraceDetail = S["TraceDetail"];
/** Any JSON object: canonical parts, tools and parameters are shown as they are. */
export type JsonObject = Record<string, unknown>;
export type MessageView = Omit<S["MessageView"], "parts"> & { parts: JsonObject[] };
export type SpanIO = Omit<S["SpanIO"], "input" | "output" | "tools" | "params"> & {
  input: MessageView[];
  output: MessageView[];
  tools: JsonObject[];
  params: JsonObject;
};
export type Facet = S["Facet"];
export type Completion = S["Completion"];
export type Totals = S["Totals"];
export type Bucket = S["Bucket"];
export type GroupRow = S["GroupRow"];
export type Window = S["Window"];
export type Overview = S["Overview"];

export type CardView = S["CardView"];
export type CheckResultView = S["CheckResultView"];
export type TargetView = S["TargetView"];
export type ResiliencePage = S["ResiliencePage"];
export type ResilienceView = S["ResilienceView"];
export type Policy = S["Policy"];
export type CacheView = S["CacheView"];
export type CacheNameView = S["CacheNameView"];
export type CallPolicyView = S["PolicyView"];
export type CallPolicyBody = Omit<S["PolicyBody"], "expected_revision">;
export type RouteView = S["RouteView"];
export type LeafView = S["LeafView"];
export type Explanation = S["Explanation"];
export type ReplayReport = S["ReplayReport"];
export type ReplayedCall = S["ReplayedCall"];
export type BurnDown = S["BurnDown"];
export type LimitView = S["LimitView"];
export type LimitBody = Omit<S["PutLimit"], "expected_revision">;
export type LimitEventView = S["LimitEventView"];
export type CostReport = S["CostReport"];
export type CostRow = S["CostRow"];
export type CostGroup = CostReport["group_by"];
export type WasteReport = S["WasteReport"];
export type Costly = S["Costly"];
export type CostlyCall = S["CostlyCall"];
export type Rates = S["Rates"];
export type DatedPriceView = S["DatedPriceView"];
export type NewDatedPrice = Omit<S["NewDatedPrice"], "rates"> & { rates: Partial<Rates> };
export type PriceBookView = S["PriceBookView"];
export type CurrencyView = S["CurrencyView"];
export type RepricingView = S["RepricingView"];
export type ReconciliationView = S["ReconciliationView"];
export type ReconciledLine = S["ReconciledLine"];
export type CostSide = S["CostLine"];
export type EnergyView = S["EnergyView"];

export type SessionRow = S["SessionRow"];
export type SessionPage = S["SessionPage"];
/** By where it stands: another room has a schema of this name. */
export type SessionView = S["SessionView"];
export type UserRow = S["UserRow"];
export type UserPage = S["UserPage"];
export type CauseRow = S["CauseRow"];
export type CauseReport = S["CauseReport"];
export type ToolRow = S["ToolRow"];
export type ToolReport = S["ToolReport"];
export type AgentGraph = S["AgentGraph"];
export type GraphNode = S["GraphNode"];
export type GraphEdge = S["GraphEdge"];
export type TraceComparison = S["TraceComparison"];
export type PairRow = S["PairRow"];
export type ScoreView = S["ScoreView"];
export type DetectorList = S["DetectorList"];
export type TextIndex = S["TextIndex"];
export type ForwardView = S["ForwardView"];
export type ForwardReplayed = S["Replayed"];
export type NewForward = Body<S["NewForward"], "name" | "kind" | "url">;
export type ForwardPatch = Partial<Omit<S["ForwardPatch"], "expected_revision">>;
export type ForwardTest = S["ForwardTest"];
export type ForwardEventView = S["ForwardEventView"];
export type ForwardEventPage = S["ForwardEventPage"];
export type DeadLetterContent = Omit<S["DeadLetterContent"], "content"> & { content: JsonObject | null };
export type DeadLetterView = S["DeadLetterView"];

export type RetentionRule = S["RetentionRule"];
export type RetentionView = S["RetentionView"];
export type MappingView = S["MappingView"];
export type ReaderView = S["ReaderView"];
export type LeftView = S["LeftView"];
export type ComesToView = S["ComesToView"];
export type Remapped = S["Remapped"];
export type OverAge = S["OverAge"];
export type RetentionRunView = S["RetentionRunView"];
export type ErasureView = S["ErasureView"];
export type NewErasure = S["NewErasure"];

export type SavedViewBody = S["SavedViewBody"];
export type DashboardView = S["DashboardView"];
export type Tile = S["Tile"];
export type AggregateReport = S["AggregateReport"];

export type PromptView = S["PromptView"];
export type PromptVersionView = S["PromptVersionView"];
export type PromptDetail = S["PromptDetail"];
export type PromptDiff = S["PromptDiff"];
export type PromptBlame = S["PromptBlame"];
export type RenderedPrompt = Omit<S["RenderedPrompt"], "messages" | "tools" | "parameters"> & {
  messages: JsonObject[];
  tools: JsonObject[];
  parameters: JsonObject;
};
export type PromptPreview = Omit<S["PromptPreview"], "rendered"> & { rendered: RenderedPrompt | null };
export type PreviewRequest = Omit<S["PreviewPrompt"], "variables"> & { variables: JsonObject };
export type PreviewVariable = S["PreviewVariable"];
export type Variable = S["Variable"];
export type PushedPrompt = S["PushedPrompt"];
export type ConvertedPrompt = S["ConvertedPrompt"];
export type Estimate = S["CallEstimate"];
export type PlaygroundPrompt = Omit<Body<S["PlaygroundPrompt"], "name">, "variables"> & { variables?: JsonObject };
export interface PlaygroundRun {
  models: string[];
  messages?: JsonObject[];
  prompt?: PlaygroundPrompt | null;
  parameters?: JsonObject;
  tools?: JsonObject[];
  output_schema?: JsonObject | null;
  variables?: JsonObject;
  /** An app's release: models beside it are asked as it is. */
  like?: string;
}
export type PlaygroundContext = Omit<S["PlaygroundContext"], "messages" | "tools" | "parameters" | "variables"> & {
  variables: JsonObject;
  messages: JsonObject[];
  tools: JsonObject[];
  parameters: JsonObject;
};
export type PlaygroundBegin = S["PlaygroundBegin"];
export type PlaygroundDelta = S["PlaygroundDelta"];
export type PlaygroundEnd = S["PlaygroundEnd"];

export type Health = ModelView["health"];
export type SpanKind = SpanRow["kind"];
export type Status = SpanRow["status"];
export type GroupBy = NonNullable<NonNullable<operations["getOverview"]["parameters"]["query"]>["group_by"]>;

/** Every list of the API comes in such pages. */
export interface Page<T> {
  items: T[];
  cursor?: string | null;
}

export type BatchPage = S["BatchPage"];
export type BatchView = S["BatchView"];
