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
  { key: "provider", what: "provider that answered" },
  { key: "feature", what: "feature of your product" },
  { key: "user", what: "your user" },
  { key: "session", what: "conversation" },
  { key: "key", what: "API key" },
  { key: "kind", what: "kind of any span in it", values: ["llm", "tool", "retriever", "agent", "span"] },
  { key: "app", what: "app" },
  { key: "environment", what: "environment" },
  { key: "release", what: "release" },
  { key: "tag", what: "tag" },
  { key: "error", what: "error code" },
  { key: "name", what: "name of any span in it" },
  { key: "stop", what: "why the model stopped", values: ["stop", "length", "tool_calls", "content_filter", "refusal"] },
  { key: "stream", what: "streamed or not", values: ["true", "false"] },
  { key: "duration", what: "whole call: 500ms, 2s", numeric: true },
  { key: "ttft", what: "to the first token: 500ms, 2s", numeric: true },
  { key: "tokens", what: "tokens in all", numeric: true },
  { key: "cost", what: "US dollars", numeric: true },
  { key: "trace", what: "trace id" },
  { key: "request", what: "request id" },
  { key: "meta.", what: "your own metadata: meta.team:red" },
];

export const keyInfo = (key: string): SearchKey | undefined => SEARCH_KEYS.find((k) => k.key === key);
