/** A guard service as fields to fill in. */

import type { GuardService, GuardView, NewGuardService } from "@/api/guards";
import { GIVE_AGAIN, leadsElsewhere, originOf } from "@/lib/address";
import { badName } from "@/lib/name";
import type { Wrong } from "./guardForm";

export interface ServiceForm {
  name: string;
  url: string;
  header: string;
  /** Empty: as it was; a new one's is then none. */
  secret: string;
  /** The secret that is kept goes. */
  forget: boolean;
}

export const formOfService = (service: GuardService | undefined): ServiceForm => ({
  name: service?.name ?? "",
  url: service?.url ?? "",
  header: service?.header ?? "authorization",
  secret: "",
  forget: false,
});

const HEADER = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;

export function serviceOf(
  form: ServiceForm,
  before: GuardService | undefined,
): { name: string; body: NewGuardService; wrong: Wrong } {
  const body: NewGuardService = { url: form.url.trim(), header: form.header.trim().toLowerCase() };
  if (form.forget) body.secret = "";
  else if (form.secret) body.secret = form.secret;
  const wrong: Wrong = {};
  const named = badName(form.name);
  if (named) wrong.name = named;
  if (!originOf(body.url)) wrong.url = "An address that begins with https:// or http://.";
  if (!HEADER.test(body.header)) wrong.header = "The name of a header, such as authorization.";
  const elsewhere = before && (leadsElsewhere(before.url, body.url) || before.header !== body.header);
  if (before?.secret_hint && body.secret === undefined && elsewhere && !wrong.url)
    wrong.secret = `${GIVE_AGAIN} Or forget it.`;
  return { name: form.name, body, wrong };
}

/** What is known of the secret, never the secret: its end where it is long. */
export function secretWords(service: GuardService): string {
  if (service.secret_hint === "") return service.problem === "" ? "none is sent" : "cannot be read";
  return service.secret_hint === "set" ? "kept" : `kept, ends in ${service.secret_hint}`;
}

/** The guards that ask a service. */
export const askersOf = (name: string, guards: readonly GuardView[]): string[] =>
  guards.filter((guard) => guard.spec.options?.service === name).map((guard) => guard.name);
