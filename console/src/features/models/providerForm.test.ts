import { describe, expect, it } from "vitest";
import type { ProviderView } from "@/api/types";
import { check, formOf, newProviderOf, parseHeaders, patchOf } from "./providerForm";

const form = { ...formOf(undefined, undefined), name: "lab", baseUrl: "http://127.0.0.1:9100/v1" };

describe("the provider form", () => {
  it("sends a key only when one was typed, and removes one only when asked", () => {
    expect(patchOf(form, form)).toEqual({});
    expect(patchOf({ ...form, apiKey: " sk-1 " }, form)).toEqual({ api_key: "sk-1" });
    expect(patchOf({ ...form, removeKey: true }, form)).toEqual({ api_key: null });
    expect(newProviderOf(form).api_key).toBeNull();
  });
  it("reads headers line by line", () => {
    expect(parseHeaders("X-A: 1\n\n  x-b :two: three ")).toEqual({ "X-A": "1", "x-b": "two: three" });
    expect(parseHeaders("no colon")).toBeNull();
  });
  it("wants an address unless the server runs it itself", () => {
    expect(check({ ...form, baseUrl: "" }, false)).toHaveProperty("baseUrl");
    expect(check({ ...form, baseUrl: "" }, true)).toEqual({});
    expect(check({ ...form, baseUrl: "ftp://x" }, false)).toHaveProperty("baseUrl");
    expect(check({ ...form, timeouts: { ...form.timeouts, idle: "0" } }, false)).toHaveProperty("idle");
  });
  it("asks for the key and for secret headers again where they would go elsewhere", () => {
    const before = { base_url: form.baseUrl, key_hint: "wxyz" } as ProviderView;
    const moved = { ...form, baseUrl: "https://lab.example.com/v1" };
    expect(check({ ...form, baseUrl: `${form.baseUrl}/openai` }, false, before)).toEqual({});
    expect(check(moved, false, before)).toHaveProperty("apiKey");
    expect(check({ ...moved, apiKey: "sk-1" }, false, before)).toEqual({});
    expect(check({ ...moved, removeKey: true }, false, before)).toEqual({});
    expect(check(moved, false, { ...before, key_hint: "" })).toEqual({});
    const masked = { ...moved, apiKey: "sk-1", headers: "x-a: 1\nx-api-key: ••••••••" };
    expect(check(masked, false, before).headers).toContain("x-api-key");
    expect(check(masked, false)).toEqual({});
  });
});
