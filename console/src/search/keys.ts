/** What can be asked for by name, for completion and help. The server has the last word: it refuses what it does not know. */
export interface SearchKey {
  key: string;
  what: string;
  /** Compared with > and <. */
  numeric?: boolean;
  /** Values that are always the same few. */
  values?: string[];
}

export const SEARCH_KEYS: SearchKey[] = [
  { key: "status", what: "how it ended", values: ["ok", "error", "cancelled", "running"] },
  { key: "model", what: "model asked for" },
  { key: "model_used", what: "model that answered" },
  { key: "provider", what: "any provider that was tried" },
  { key: "feature", what: "feature of your product" },
  { key: "user", what: "your user" },
  { key: "session", what: "conversation" },
  { key: "key", what: "API key" },
  {
    key: "kind",
    what: "kind of any span in it",
    values: [
      "llm",
      "embedding",
      "retriever",
      "reranker",
      "tool",
      "agent",
      "workflow",
      "guardrail",
      "evaluator",
      "span",
    ],
  },
  { key: "tool", what: "tool that was used or asked for" },
  { key: "agent", what: "agent that took part" },
  { key: "app", what: "app" },
  { key: "environment", what: "environment" },
  { key: "variant", what: "arm of a rollout", values: ["stable", "candidate", "shadow"] },
  { key: "prompt", what: "prompt of an app, name@version" },
  { key: "release", what: "release" },
  { key: "tag", what: "tag" },
  { key: "has", what: "there is a value: has:error", values: ["error", "score", "feedback", "ttft", "cost", "tool"] },
  { key: "tier", what: "service tier it was worked on in" },
  { key: "class", what: "data class, by the project's list" },
  { key: "guard", what: "guard that minded something in it" },
  { key: "guard.unread", what: "guard that could not read all of it" },
  { key: "guard.action", what: "what a guard did with it", values: ["flag", "redact", "block", "escalate"] },
  { key: "guard.shadow", what: "what a guard would have done", values: ["flag", "redact", "block", "escalate"] },
  { key: "score.", what: "a score: score.helpful:<0.5" },
  { key: "feedback", what: "scores that people gave", numeric: true },
  { key: "meta.", what: "your own metadata: meta.team:red" },
  { key: "error", what: "error code" },
  { key: "http_status", what: "HTTP status", numeric: true },
  { key: "name", what: "name of any span in it" },
  { key: "stop", what: "why the model stopped", values: ["stop", "length", "tool_calls", "content_filter", "refusal"] },
  { key: "stream", what: "streamed or not", values: ["true", "false"] },
  { key: "duration", what: "whole call: 500ms, 2s", numeric: true },
  { key: "ttft", what: "to the first token: 500ms, 2s", numeric: true },
  { key: "cost", what: "money, as it is shown here (or 1USD)", numeric: true },
  { key: "tokens", what: "tokens in all", numeric: true },
  { key: "input", what: "input tokens, not cached", numeric: true },
  { key: "cached", what: "input tokens from a cache", numeric: true },
  { key: "output", what: "output tokens", numeric: true },
  { key: "reasoning", what: "reasoning tokens", numeric: true },
  { key: "attempts", what: "calls of providers it took", numeric: true },
  { key: "fallbacks", what: "providers passed over", numeric: true },
  { key: "estimated", what: "tokens were counted by us", values: ["true", "false"] },
  { key: "started", what: "when it began, UTC: 2026-11-21", numeric: true },
  { key: "convention", what: "what a foreign span was written in" },
  { key: "price", what: "row of the price book" },
  { key: "trace", what: "trace id" },
  { key: "span", what: "span id" },
  { key: "request", what: "request id" },
];

export const keyInfo = (key: string): SearchKey | undefined => SEARCH_KEYS.find((k) => k.key === key);
