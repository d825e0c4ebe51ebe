/** An identity provider as a form has it. */

import type { GroupRole, IdentityProvider } from "@/api/identity";
import type { components } from "@/api/schema";
import { placeOfRole } from "./words";

type S = components["schemas"];

/** `place` is `instance`, `organisation:SLUG` or `project:SLUG`. `id` tells rows apart, and goes nowhere. */
export interface GroupLine {
  id: number;
  group: string;
  role: string;
  place: string;
}

export interface ProviderForm {
  name: string;
  label: string;
  issuer: string;
  client_id: string;
  /** Empty: as it was; a new provider's is then a public client. */
  client_secret: string;
  /** The secret that is kept goes. */
  forget_secret: boolean;
  scopes: string[];
  domains: string[];
  groups_claim: string;
  roles: GroupLine[];
  invited_only: boolean;
  trust_email: boolean;
  enabled: boolean;
  /** Asked where it is switched off, or gets another issuer. */
  end_sessions: boolean;
}

export const EMPTY: ProviderForm = {
  name: "",
  label: "",
  issuer: "",
  client_id: "",
  client_secret: "",
  forget_secret: false,
  scopes: ["openid", "email", "profile"],
  domains: [],
  groups_claim: "groups",
  roles: [],
  invited_only: false,
  trust_email: false,
  enabled: true,
  end_sessions: true,
};

export function placeWords(place: string): string {
  const [kind, slug] = place.split(":");
  return kind === "instance" ? "everywhere" : `${kind} ${slug}`;
}

export function formOf(provider: IdentityProvider): ProviderForm {
  const { name, label, issuer, client_id, scopes, domains, groups_claim, invited_only, trust_email, enabled } =
    provider;
  const roles = provider.roles.map((each, id) => ({
    id,
    group: each.group,
    role: each.role,
    place: placeOfRole(each),
  }));
  const kept = { name, label, issuer, client_id, scopes, domains, groups_claim, invited_only, trust_email, enabled };
  return { ...kept, roles, client_secret: "", forget_secret: false, end_sessions: true };
}

/** Lines without a group are not said yet. */
export function rolesOfForm(lines: readonly GroupLine[]): GroupRole[] {
  return lines
    .filter((line) => line.group.trim() !== "")
    .map((line) => {
      const [kind, slug = ""] = line.place.split(":");
      const where = { project: kind === "project" ? slug : null, organisation: kind === "organisation" ? slug : null };
      return { group: line.group.trim(), role: line.role, ...where };
    });
}

const shared = (form: ProviderForm) => ({
  label: form.label.trim(),
  issuer: form.issuer.trim(),
  client_id: form.client_id.trim(),
  scopes: form.scopes,
  domains: form.domains,
  groups_claim: form.groups_claim.trim() || "groups",
  roles: rolesOfForm(form.roles),
  invited_only: form.invited_only,
  trust_email: form.trust_email,
  enabled: form.enabled,
});

export function creation(form: ProviderForm): S["NewIdentityProvider"] {
  return { ...shared(form), name: form.name.trim(), client_secret: form.client_secret || null };
}

/** An empty secret takes it away, one that is left out stays. */
export function change(form: ProviderForm): Omit<S["IdentityProviderPatch"], "expected_revision"> {
  const rest = { ...shared(form), end_sessions: form.end_sessions };
  if (form.forget_secret) return { ...rest, client_secret: "" };
  return form.client_secret ? { ...rest, client_secret: form.client_secret } : rest;
}

/** Whether saving ends what it began so far: nobody comes in with it any more, or somebody else vouches for them. */
export const isCutOff = (form: ProviderForm, before: IdentityProvider | undefined): boolean =>
  before !== undefined && ((before.enabled && !form.enabled) || before.issuer !== form.issuer.trim());

/** What is wrong with the secret that is kept, empty for nothing: it goes to no other issuer than it was given for. */
export function secretFault(form: ProviderForm, before: IdentityProvider | undefined): string {
  const kept = before?.has_secret && !form.client_secret && !form.forget_secret;
  return kept && before.issuer !== form.issuer.trim()
    ? "It was given for the issuer before, and is not sent to another one: give it again, or forget it."
    : "";
}

/** Where `http://` is taken: loopback alone. */
const LOCAL = /^http:\/\/(localhost|127\.|\[::1\])/;

/** What is wrong with the issuer, empty for nothing. */
export function issuerFault(issuer: string): string {
  const text = issuer.trim();
  return text === "" || text.startsWith("https://") || LOCAL.test(text) ? "" : "It begins with https://.";
}
