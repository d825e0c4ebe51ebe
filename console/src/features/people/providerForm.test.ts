import { describe, expect, it } from "vitest";
import type { IdentityProvider } from "@/api/identity";
import { change, creation, EMPTY, formOf, isCutOff, issuerFault, rolesOfForm, secretFault } from "./providerForm";

const COMPANY: IdentityProvider = {
  name: "company",
  label: "Example Ltd",
  issuer: "https://login.example.com/",
  client_id: "trimtab",
  has_secret: true,
  redirect_uri: "https://trimtab.example.com/api/v1/oidc/callback",
  scopes: ["openid", "email"],
  domains: ["example.com"],
  groups_claim: "realm_access.roles",
  roles: [
    { group: "admins", role: "admin", project: null, organisation: null },
    { group: "ml", role: "developer", project: "shop", organisation: null },
    { group: "*", role: "viewer", project: null, organisation: "default" },
  ],
  invited_only: true,
  trust_email: false,
  enabled: true,
  created: 1,
  updated: 2,
  revision: 1,
};

describe("an identity provider's form", () => {
  it("gives back what a provider is", () => {
    const sent = change(formOf(COMPANY));
    expect(sent.roles).toEqual(COMPANY.roles);
    expect(sent.groups_claim).toBe("realm_access.roles");
    expect(sent.invited_only).toBe(true);
  });
  it("keeps the secret unless another is given or it is to go", () => {
    const form = formOf(COMPANY);
    expect("client_secret" in change(form)).toBe(false);
    expect(change({ ...form, client_secret: "s3" }).client_secret).toBe("s3");
    expect(change({ ...form, forget_secret: true }).client_secret).toBe("");
    expect(creation({ ...EMPTY, name: "x" }).client_secret).toBeNull();
  });
  it("asks for the secret again where it would go to another issuer", () => {
    const moved = { ...formOf(COMPANY), issuer: "https://evil.example.com" };
    expect(secretFault(formOf(COMPANY), COMPANY)).toBe("");
    expect(secretFault(moved, { ...COMPANY, has_secret: true })).toContain("issuer");
    expect(secretFault({ ...moved, client_secret: "s3" }, { ...COMPANY, has_secret: true })).toBe("");
    expect(secretFault({ ...moved, forget_secret: true }, { ...COMPANY, has_secret: true })).toBe("");
    expect(secretFault(moved, { ...COMPANY, has_secret: false })).toBe("");
    expect(secretFault(moved, undefined)).toBe("");
  });
  it("asks of sessions where nobody comes in with it any more, or another vouches for them", () => {
    const form = formOf(COMPANY);
    expect(isCutOff({ ...form, label: "Company" }, COMPANY)).toBe(false);
    expect(isCutOff({ ...form, enabled: false }, COMPANY)).toBe(true);
    expect(isCutOff({ ...form, enabled: false }, { ...COMPANY, enabled: false })).toBe(false);
    expect(isCutOff({ ...form, issuer: "https://other.example.com" }, COMPANY)).toBe(true);
    expect(isCutOff({ ...form, enabled: false }, undefined)).toBe(false);
    expect(change({ ...form, enabled: false }).end_sessions).toBe(true);
    expect(change({ ...form, enabled: false, end_sessions: false }).end_sessions).toBe(false);
  });
  it("leaves out lines that name no group", () => {
    expect(rolesOfForm([{ id: 1, group: " ", role: "admin", place: "instance" }])).toEqual([]);
  });
  it("takes plain http on loopback alone", () => {
    expect(issuerFault("http://127.0.0.1:9000")).toBe("");
    expect(issuerFault("http://login.example.com")).not.toBe("");
  });
});
