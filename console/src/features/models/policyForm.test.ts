import { describe, expect, it } from "vitest";
import type { Policy } from "@/api/types";
import { check, fieldOf, formOf, policyOf } from "./policyForm";
import { POLICY } from "./policySample";

describe("a policy that is edited", () => {
  it("is sent as it was where nothing was changed", () => {
    expect(policyOf(formOf(POLICY))).toEqual(POLICY);
    const more: Policy = {
      ...POLICY,
      deadline_s: 30,
      hedge: { after_ms: 800, after: null, max_extra_ratio: 0.1 },
      concurrency: { limit: 4, queue: 0, max_wait_s: 2 },
    };
    expect(policyOf(formOf(more))).toEqual(more);
    expect(check(formOf(more))).toEqual({});
  });
  it("can be given parts and lose them", () => {
    const form = formOf(POLICY);
    expect(policyOf({ ...form, hedge: true, concurrency: true })).toEqual({
      ...POLICY,
      hedge: { after_ms: null, after: "p95", max_extra_ratio: 0.05 },
      concurrency: { limit: 8, queue: 1000, max_wait_s: 30 },
    });
  });
  it("names what is no number, in the parts that are in use", () => {
    const form = formOf(POLICY);
    const values = { ...form.values, attempts: "", "retries.timeout": "x", "concurrency.limit": "" };
    expect(Object.keys(check({ ...form, values }))).toEqual(["attempts", "retries.timeout"]);
    expect(Object.keys(check({ ...form, hedge: true, p95: false }))).toEqual(["hedge.after_ms"]);
  });
  it("puts a refusal at its field", () => {
    expect(fieldOf("retries.timeout")).toBe("retries.timeout");
    expect(fieldOf("concurrency")).toBe("concurrency.limit");
    expect(fieldOf("name")).toBeUndefined();
    expect(fieldOf(null)).toBeUndefined();
  });
});
