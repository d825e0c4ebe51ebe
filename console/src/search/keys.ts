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
  { key: "app", what: "app" },
  { key: "environment", what: "environment" },
  { key: "release", what: "release" },
  { key: "tag", what: "tag" },
  { key: "error", what: "error code" },
  { key: "duration", what: "milliseconds, whole call", numeric: true },
  { key: "ttft", what: "milliseconds to the first token", numeric: true },
  { key: "tokens", what: "tokens in all", numeric: true },
  { key: "cost", what: "US dollars", numeric: true },
];

export const keyInfo = (key: string): SearchKey | undefined => SEARCH_KEYS.find((k) => k.key === key);
