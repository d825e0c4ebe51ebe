/** Questions about prompts, each with its cache key. */

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, inProject, post, withQuery } from "./client";
import { everyPage } from "./queries";
import type {
  PreviewRequest,
  PromptBlame,
  PromptDetail,
  PromptDiff,
  PromptPreview,
  PromptVersionView,
  PromptView,
} from "./types";

const AT_ONCE = 500;

/** Everything about prompts: what a save makes stale. */
export const promptsKey = (project: string) => ["prompts", project] as const;

export const promptsQuery = (project: string, q: string, archived: boolean) =>
  queryOptions({
    queryKey: [...promptsKey(project), "list", q, archived],
    queryFn: ({ signal }) =>
      everyPage<PromptView>(
        withQuery(inProject(project, "prompts"), { q, archived: archived ? "true" : null, limit: AT_ONCE }),
        signal,
      ),
    placeholderData: keepPreviousData,
  });

export const promptQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: [...promptsKey(project), "one", name],
    queryFn: ({ signal }) => get<PromptView>(inProject(project, "prompts", name), signal),
    retry: false,
  });

export const versionsQuery = (project: string, name: string) =>
  queryOptions({
    queryKey: [...promptsKey(project), "versions", name],
    queryFn: ({ signal }) =>
      everyPage<PromptVersionView>(
        withQuery(inProject(project, "prompts", name, "versions"), { limit: AT_ONCE }),
        signal,
      ),
  });

/** `ref` is a version's number, a label or `latest`. */
export const versionQuery = (project: string, name: string, ref: string) =>
  queryOptions({
    queryKey: [...promptsKey(project), "version", name, ref],
    queryFn: ({ signal }) => get<PromptDetail>(inProject(project, "prompts", name, "versions", ref), signal),
    retry: false,
  });

export const promptDiffQuery = (project: string, name: string, before: string, after: string) =>
  queryOptions({
    queryKey: [...promptsKey(project), "diff", name, before, after],
    queryFn: ({ signal }) =>
      get<PromptDiff>(withQuery(inProject(project, "prompts", name, "diff"), { before, after }), signal),
    retry: false,
  });

export const blameQuery = (project: string, name: string, ref: string) =>
  queryOptions({
    queryKey: [...promptsKey(project), "blame", name, ref],
    queryFn: ({ signal }) => get<PromptBlame>(inProject(project, "prompts", name, "blame", ref), signal),
    retry: false,
  });

/** A file while it is being written: what it asks for, renders to, and would cost. */
export const previewFileQuery = (project: string, name: string, asked: PreviewRequest) =>
  queryOptions({
    queryKey: [...promptsKey(project), "preview", name, asked],
    queryFn: () => post<PromptPreview>(inProject(project, "prompts", name, "preview"), asked),
    placeholderData: keepPreviousData,
    gcTime: 10_000,
    retry: false,
  });
