/** Encryption and legal holds: their shapes under the names the console uses, and questions about them. */

import { queryOptions } from "@tanstack/react-query";
import { get, inProject } from "./client";
import { everyPage, mayPass } from "./queries";
import type { components } from "./schema";

type S = components["schemas"];

export type EncryptionView = S["EncryptionView"];
export type DataKeyView = S["DataKeyView"];
export type LegalHoldView = S["LegalHoldView"];
export type NewLegalHold = S["NewLegalHold"];
export type StatedTerms = S["DataTermsView"];
export type ModelTerms = S["ModelTermsView"];
export type DataTermsBody = Omit<S["PutDataTerms"], "expected_revision">;
export type DataClassMark = S["DataClassMark"];

export const encryptionQuery = (project: string) =>
  queryOptions({
    queryKey: ["encryption", project],
    queryFn: ({ signal }) => get<EncryptionView>(inProject(project, "encryption"), signal),
    // What lay in the catalog before is encrypted in the background.
    refetchInterval: (query) => (query.state.data?.catalog?.state === "running" ? 2_000 : false),
    retry: mayPass,
  });

/** All there ever were: the released ones, too. */
export const legalHoldsQuery = (project: string) =>
  queryOptions({
    queryKey: ["legal-holds", project],
    queryFn: ({ signal }) => everyPage<LegalHoldView>(inProject(project, "legal-holds"), signal),
    retry: mayPass,
  });
