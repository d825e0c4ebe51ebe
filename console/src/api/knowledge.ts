/** Knowledge: corpora, their documents and versions, and searches in them; each question with its cache key. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { del, get, inProject, patch, post, put, withQuery } from "./client";
import { everyPage, mayPass } from "./queries";
import type { components } from "./schema";
import type { Page } from "./types";

type S = components["schemas"];

export type Corpus = S["CorpusView"];
export type CorpusDocument = S["DocumentView"];
export type CorpusDocumentText = S["DocumentText"];
export type CorpusVersion = S["CorpusVersionView"];
export type Freshness = S["CorpusFreshness"];
export type SearchResult = S["SearchResult"];
export type Passage = S["PassageView"];
export type SearchMode = S["SearchResult"]["mode"];

const AT_ONCE = 100;
/** How often a version that is being built is looked at. */
const BUILDING_MS = 1_500;

export const knowledgeKey = (project: string) => ["knowledge", project] as const;
const corpusKey = (project: string, corpus: string) => [...knowledgeKey(project), "corpus", corpus] as const;

export const corporaQuery = (project: string, archived = false) =>
  queryOptions({
    queryKey: [...knowledgeKey(project), "list", archived],
    queryFn: ({ signal }) =>
      everyPage<Corpus>(inProject(project, "corpora"), signal, archived ? { archived: "true" } : undefined),
  });

export const corpusQuery = (project: string, corpus: string) =>
  queryOptions({
    queryKey: [...corpusKey(project, corpus), "one"],
    queryFn: ({ signal }) => get<Corpus>(inProject(project, "corpora", corpus), signal),
    retry: mayPass,
  });

export const documentsQuery = (project: string, corpus: string, gone: boolean) =>
  infiniteQueryOptions({
    queryKey: [...corpusKey(project, corpus), "documents", gone],
    queryFn: ({ pageParam, signal }) =>
      get<Page<CorpusDocument>>(
        withQuery(inProject(project, "corpora", corpus, "documents"), {
          gone: gone ? "true" : undefined,
          cursor: pageParam,
          limit: AT_ONCE,
        }),
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor ?? null,
    placeholderData: keepPreviousData,
    retry: mayPass,
  });

export const documentQuery = (project: string, corpus: string, document: string) =>
  queryOptions({
    queryKey: [...corpusKey(project, corpus), "document", document],
    queryFn: ({ signal }) =>
      get<CorpusDocumentText>(inProject(project, "corpora", corpus, "documents", document), signal),
    retry: mayPass,
  });

/** Whether a version's building goes on: it is worth looking again. */
export const isBuilding = (version: CorpusVersion) => version.state === "queued" || version.state === "building";

/** Newest first; looked at again while one is being built. */
export const corpusVersionsQuery = (project: string, corpus: string) =>
  queryOptions({
    queryKey: [...corpusKey(project, corpus), "versions"],
    queryFn: ({ signal }) => everyPage<CorpusVersion>(inProject(project, "corpora", corpus, "versions"), signal),
    refetchInterval: (query) => (query.state.data?.some(isBuilding) ? BUILDING_MS : false),
    retry: mayPass,
  });

export const freshnessQuery = (project: string, corpus: string) =>
  queryOptions({
    queryKey: [...corpusKey(project, corpus), "freshness"],
    queryFn: ({ signal }) => get<Freshness>(inProject(project, "corpora", corpus, "freshness"), signal),
    retry: mayPass,
  });

export interface SearchAsked {
  text: string;
  version?: number;
  top?: number;
  mode?: SearchMode;
  user?: string;
  groups?: string[];
}

export const searchQuery = (project: string, corpus: string, asked: SearchAsked) =>
  queryOptions({
    queryKey: [...corpusKey(project, corpus), "search", asked],
    queryFn: () => post<SearchResult>(inProject(project, "corpora", corpus, "search"), asked),
    enabled: asked.text.trim() !== "",
    placeholderData: keepPreviousData,
    retry: mayPass,
  });

export const putCorpus = (project: string, corpus: string, body: Partial<S["PutCorpus"]>) =>
  put<Corpus>(inProject(project, "corpora", corpus), body);

export type NewDocument = Partial<S["NewDocument"]> & { id: string; text: string };

export const putDocuments = (project: string, corpus: string, items: NewDocument[]) =>
  post<S["DocumentsPut"]>(inProject(project, "corpora", corpus, "documents"), { items });

export const restateDocument = (
  project: string,
  corpus: string,
  document: string,
  access: { is: string[]; was: string[] },
) =>
  patch<CorpusDocumentText>(inProject(project, "corpora", corpus, "documents", document), {
    access: access.is,
    expected_access: access.was,
  });

/** Erased from every version; or, to keep those, only left out of the next. */
export const deleteDocument = (project: string, corpus: string, document: string, keepVersions: boolean) =>
  del(
    withQuery(inProject(project, "corpora", corpus, "documents", document), {
      keep_versions: keepVersions ? "true" : undefined,
    }),
  );

export const publishCorpus = (project: string, corpus: string, message: string) =>
  post<S["CorpusPublished"]>(inProject(project, "corpora", corpus, "versions"), { message });
