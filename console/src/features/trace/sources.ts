/** What a retriever span of ours says, read from its texts. Pure. */

import type { JsonObject, SpanIO } from "@/api/types";

export interface SourceLine {
  id: string;
  chunk: string;
  /** 0 for one that the model was not given. */
  number: number;
  title: string;
  source: string;
  text: string;
  score: number;
  meaning: number | null;
  words: number | null;
  updated: number;
  stale: boolean;
  left_out: string;
  /** Which entries of access lists let the user see it; empty where none restricts it, null where it was not noted. */
  allowed: string | null;
}

export interface LookedUp {
  corpus: string;
  /** Empty where none was searched. */
  version: string;
  follow: boolean;
  query: string;
  remarks: string[];
  documents: SourceLine[];
}

const str = (value: unknown): string => (typeof value === "string" ? value : "");
const num = (value: unknown): number => (typeof value === "number" ? value : 0);
const maybe = (value: unknown): number | null => (typeof value === "number" ? value : null);
const objects = (value: unknown): JsonObject[] =>
  Array.isArray(value) ? value.filter((each): each is JsonObject => typeof each === "object" && each !== null) : [];

/** Null for a retriever span of another kind: one that came from elsewhere. */
export function lookedUp(io: SpanIO): LookedUp | null {
  const { params } = io;
  if (typeof params.corpus !== "string" || !Array.isArray(params.documents)) return null;
  const texts = io.output.flatMap((message) => message.parts.map((part) => str(part.text)));
  const documents = objects(params.documents).map((each, at) => ({
    id: str(each.id),
    chunk: str(each.chunk),
    number: num(each.number),
    title: str(each.title),
    source: str(each.source),
    text: num(each.number) > 0 ? (texts[at] ?? "") : "",
    score: num(each.score),
    meaning: maybe(each.meaning),
    words: maybe(each.words),
    updated: num(each.updated),
    stale: each.stale === true,
    left_out: str(each.left_out),
    allowed: typeof each.allowed === "string" ? each.allowed : null,
  }));
  return {
    corpus: params.corpus,
    version: num(params.version) > 0 ? String(params.version) : "",
    follow: params.follow === true,
    query: io.input.flatMap((message) => message.parts.map((part) => str(part.text))).join("\n"),
    remarks: Array.isArray(params.remarks) ? params.remarks.map(str).filter(Boolean) : [],
    documents,
  };
}

/** Why the user was let see a passage. */
export function allowedWords(source: SourceLine): string {
  if (source.allowed === null) return "";
  return source.allowed ? `allowed by ${source.allowed}` : "open to whoever may search";
}
