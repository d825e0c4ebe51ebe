import { describe, expect, it } from "vitest";
import type { GuardService, GuardView } from "@/api/guards";
import { askersOf, formOfService, secretWords, serviceOf } from "./serviceForm";

const KEPT: GuardService = {
  name: "presidio",
  url: "https://guards.example.com/analyze",
  header: "authorization",
  secret_hint: "f00d",
  problem: "",
  created: 1,
  updated: 1,
  revision: 1,
};

describe("a guard service as a form", () => {
  it("leaves the secret that is kept alone unless another is given or it is to go", () => {
    const form = formOfService(KEPT);
    expect(serviceOf(form, KEPT)).toEqual({
      name: "presidio",
      body: { url: KEPT.url, header: "authorization" },
      wrong: {},
    });
    expect(serviceOf({ ...form, secret: "Bearer two" }, KEPT).body.secret).toBe("Bearer two");
    expect(serviceOf({ ...form, forget: true }, KEPT).body.secret).toBe("");
  });
  it("asks for the secret again where it would go elsewhere", () => {
    const form = formOfService(KEPT);
    expect(serviceOf({ ...form, url: `${KEPT.url}/v2` }, KEPT).wrong).toEqual({});
    expect(serviceOf({ ...form, url: "https://guards.example.com/look" }, KEPT).wrong).toHaveProperty("secret");
    const moved = { ...form, url: "https://other.example.com/analyze" };
    expect(serviceOf(moved, KEPT).wrong).toHaveProperty("secret");
    expect(serviceOf({ ...form, header: "X-Api-Key" }, KEPT).wrong).toHaveProperty("secret");
    expect(serviceOf({ ...moved, secret: "Bearer two" }, KEPT).wrong).toEqual({});
    expect(serviceOf({ ...moved, forget: true }, KEPT).wrong).toEqual({});
    expect(serviceOf(moved, { ...KEPT, secret_hint: "" }).wrong).toEqual({});
  });
  it("names what cannot be", () => {
    const form = { ...formOfService(undefined), name: "Not a name", url: "ftp://x", header: "two words" };
    expect(Object.keys(serviceOf(form, undefined).wrong).sort()).toEqual(["header", "name", "url"]);
  });
  it("tells of a secret no more than its end", () => {
    expect(secretWords(KEPT)).toBe("kept, ends in f00d");
    expect(secretWords({ ...KEPT, secret_hint: "set" })).toBe("kept");
    expect(secretWords({ ...KEPT, secret_hint: "" })).toBe("none is sent");
    expect(secretWords({ ...KEPT, secret_hint: "", problem: "No key opens it." })).toBe("cannot be read");
  });
  it("knows which guards ask it", () => {
    const guard = (name: string, service?: string) =>
      ({ name, spec: { kind: "http", options: service ? { service } : {} } }) as GuardView;
    expect(askersOf("presidio", [guard("a", "presidio"), guard("b"), guard("c", "other")])).toEqual(["a"]);
  });
});
