/** What the playground asks beside its runs. */

import { queryOptions } from "@tanstack/react-query";
import { get, inProject } from "./client";
import type { PlaygroundContext } from "./types";

/** What a span was asked, to be asked again: it does not change. */
export const spanContextQuery = (project: string, traceId: string, spanId: string) =>
  queryOptions({
    queryKey: ["span-context", project, traceId, spanId],
    queryFn: ({ signal }) => get<PlaygroundContext>(inProject(project, "playground", "spans", traceId, spanId), signal),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
