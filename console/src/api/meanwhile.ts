/** What the audit log has of a thing that somebody else changed while it was looked at. */

import { queryOptions } from "@tanstack/react-query";
import { get, inProject, withQuery } from "./client";
import type { AuditEntryView } from "./releaseTypes";
import type { Meanwhile } from "./types";

/** Other things that go by the same subject stand between: a provider and its policy, say. */
const LOOKED_THROUGH = 100;

/** Newest first. */
export const meanwhileQuery = (meanwhile: Meanwhile) =>
  queryOptions({
    queryKey: ["audit", meanwhile.project, "meanwhile", meanwhile],
    queryFn: async ({ signal }) => {
      const log = meanwhile.project === null ? "/audit" : inProject(meanwhile.project, "audit");
      const asked = withQuery(log, { subject: meanwhile.subject, limit: LOOKED_THROUGH });
      const { items } = await get<{ items: AuditEntryView[] }>(asked, signal);
      return items
        .filter((entry) => meanwhile.actions.some((action) => entry.action.startsWith(action)))
        .slice(0, meanwhile.entries);
    },
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
