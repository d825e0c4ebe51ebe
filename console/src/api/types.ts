/** The API's shapes under the names the console uses. */

export type Role = "admin" | "read_only" | "client";
export type SpanKind =
  | "llm"
  | "embedding"
  | "retriever"
  | "reranker"
  | "tool"
  | "agent"
  | "workflow"
  | "guardrail"
  | "evaluator"
  | "memory"
  | "event"
  | "span";
export type Status = "ok" | "error" | "cancelled" | "running";
export type Health = "unknown" | "healthy" | "failing";
export type GroupBy = "none" | "model" | "provider" | "feature" | "key" | "user" | "app" | "status";

export interface Me {
  role: Role;
  key_prefix: string;
  projects: string[];
  version: string;
}
export interface ProjectView {
  id: string;
  slug: string;
  name: string;
  capture_content: boolean;
  created: number;
}
export interface Page<T> {
  items: T[];
  cursor?: string | null;
}
export interface KeyView {
  id: string;
  name: string;
  prefix: string;
  role: Role;
  state: "active" | "expired" | "revoked";
  created: number;
  expires: number | null;
  revoked: number | null;
}
export interface NewKey {
  name: string;
  role: "client" | "read_only";
  expires: number | null;
}
export interface IssuedKey {
  key: KeyView;
  secret: string;
}
export interface TimeoutsBody {
  connect: number;
  first_token: number;
  idle: number;
  total: number;
}
export interface ProviderKindView {
  name: string;
  title: string;
  dialect: string;
  base_url: string;
  key_variable: string;
  needs_key: boolean;
  models: string[];
  available: boolean;
}
export interface ProviderView {
  name: string;
  kind: string;
  dialect: string;
  base_url: string;
  key_hint: string;
  headers: Record<string, string>;
  timeouts: TimeoutsBody;
  source: "config" | "catalog";
  health: Health;
  last_error: string;
  last_seen: number | null;
}
export interface NewProvider {
  name: string;
  kind?: string;
  dialect?: string | null;
  base_url?: string | null;
  api_key?: string | null;
  headers?: Record<string, string>;
  timeouts?: TimeoutsBody | null;
}
export interface ProviderPatch {
  base_url?: string;
  api_key?: string | null;
  headers?: Record<string, string>;
  timeouts?: TimeoutsBody;
}
export interface PriceBody {
  input: number;
  output: number;
  cache_read?: number | null;
  cache_write?: number | null;
}
export interface PriceView {
  model: string;
  provider: string;
  known: boolean;
  source: string;
  input: string | null;
  output: string | null;
  cache_read: string | null;
  cache_write: string | null;
  note: string;
}
export interface ModelView {
  name: string;
  provider: string;
  upstream: string;
  fallback: string[];
  price: PriceView;
  price_override: PriceBody | null;
  source: "config" | "catalog";
  health: Health;
  last_error: string;
}
export interface NewModel {
  name: string;
  provider: string;
  upstream?: string | null;
  fallback?: string[];
  price?: PriceBody | null;
}
export interface ModelPatch {
  provider?: string;
  upstream?: string;
  fallback?: string[];
  price?: PriceBody | null;
}
export interface TestResult {
  ok: boolean;
  trace_id: string;
  latency: number;
  model_used: string;
  text: string;
  error_code: string;
  error: string;
}
export interface CheckView {
  name: string;
  state: "ok" | "warning" | "failed";
  detail: string;
  fix: string;
}
export interface StoreHealth {
  state: "ok" | "starting" | "down" | "full";
  detail: string;
  waiting: number;
  behind_ms: number;
  rejected: number;
  spans: number;
}
export interface ServerStatus {
  version: string;
  started: number;
  workers: number;
  catalog: CheckView;
  telemetry: StoreHealth;
  config_file: string;
  data_dir: string;
}
export interface Tokens {
  input: number;
  cache_read: number;
  cache_write: number;
  output: number;
  reasoning: number;
  total: number;
  estimated: boolean;
}
export interface SpanRow {
  trace_id: string;
  span_id: string;
  parent_span_id: string;
  request_id: string;
  kind: SpanKind;
  name: string;
  status: Status;
  started: number;
  duration: number;
  ttft: number | null;
  model: string;
  model_used: string;
  provider: string;
  app: string;
  release: string;
  environment: string;
  feature: string;
  session: string;
  user: string;
  key_id: string;
  tags: string[];
  stream: boolean;
  stop: string;
  http_status: number;
  error_code: string;
  error_message: string;
  tokens: Tokens;
  cost: string | null;
  price: string;
  attempts: number;
  fallbacks: number;
  input_preview: string;
  output_preview: string;
}
export interface TracePage {
  rows: SpanRow[];
  cursor: string | null;
  behind_ms: number;
}
export interface DecisionLine {
  model: string;
  provider: string;
  verdict: string;
  reason: string;
}
export interface TraceDetail {
  trace_id: string;
  spans: SpanRow[];
  tokens: Tokens;
  cost: string | null;
  unpriced: number;
  started: number;
  duration: number;
  decision: DecisionLine[];
  metadata: Record<string, string>;
}
export type JsonObject = Record<string, unknown>;
export interface MessageView {
  role: string;
  parts: JsonObject[];
  name?: string | null;
}
export interface SpanIO {
  trace_id: string;
  span_id: string;
  captured: boolean;
  input: MessageView[];
  output: MessageView[];
  tools: JsonObject[];
  params: JsonObject;
  raw_request: string | null;
  raw_response: string | null;
  truncated: boolean;
}
export interface FacetValue {
  value: string;
  count: number;
}
export interface Facet {
  key: string;
  values: FacetValue[];
}
export interface Totals {
  calls: number;
  errors: number;
  cancelled: number;
  fallbacks: number;
  tokens: Tokens;
  cost: string;
  unpriced: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  ttft_p50: number | null;
  ttft_p95: number | null;
}
export interface Bucket {
  start: number;
  group: string;
  calls: number;
  errors: number;
  tokens: number;
  cost: string;
  p50: number | null;
  p95: number | null;
}
export interface GroupRow {
  group: string;
  totals: Totals;
}
export interface Window {
  start: number;
  end: number;
}
export interface Overview {
  window: Window;
  step_ms: number;
  totals: Totals;
  previous: Totals;
  series: Bucket[];
  groups: GroupRow[];
}
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  fix: string;
  request_id: string;
  param?: string | null;
}
