import { describe, expect, it } from "vitest";
import { reasonOf, refusalOf } from "./reasons";

describe("why somebody is not let in", () => {
  it("is told to a person, not to a program", () => {
    const refusal = refusalOf("invalid_api_key");
    expect(refusal?.title).toBe("This key does not open this server.");
    expect(JSON.stringify(refusal)).not.toMatch(/Authorization|x-api-key|Bearer|header/);
  });
  it("is left in the server's words where there are no better ones", () => {
    expect(refusalOf("factor_locked")).toBeNull();
  });
  it("of an unknown answer of a provider names it", () => {
    expect(reasonOf("oidc_new")).toContain("oidc_new");
    expect(reasonOf("__proto__")).toContain("__proto__"); // an address may say anything
  });
});
