import { describe, expect, it } from "vitest";
import { check, formOf, newModelOf, patchOf } from "./modelForm";

const empty = formOf(undefined, "openai");

describe("the model form", () => {
  it("leaves the provider's id to the server where it is not given", () => {
    expect(newModelOf({ ...empty, name: " fast " })).toMatchObject({ name: "fast", upstream: null, price: null });
    expect(patchOf({ ...empty, name: "fast" }).upstream).toBe("fast");
  });
  it("keeps a price of zero apart from no price", () => {
    const form = { ...empty, name: "m", ownPrice: true, input: "0", output: "0.6" };
    expect(newModelOf(form).price).toEqual({ input: 0, output: 0.6, cache_read: null, cache_write: null });
    expect(patchOf({ ...form, ownPrice: false }).price).toBeNull();
  });
  it("says what is missing or cannot be", () => {
    expect(check(empty)).toHaveProperty("name");
    expect(check({ ...empty, name: "a", fallback: ["a"] })).toHaveProperty("fallback");
    expect(
      Object.keys(check({ ...empty, name: "a", ownPrice: true, input: "-1", output: "x", cacheRead: "y" })),
    ).toEqual(["input", "output", "cacheRead"]);
    expect(check({ ...empty, name: "a" })).toEqual({});
  });
});
