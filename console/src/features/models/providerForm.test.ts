import { describe, expect, it } from "vitest";
import type { ProviderKindView, ProviderView } from "@/api/types";
import { check, formOf, isNeeded, newProviderOf, parseHeaders, patchOf } from "./providerForm";

const form = { ...formOf(undefined, undefined), name: "lab", baseUrl: "http://127.0.0.1:9100/v1" };

describe("the provider form", () => {
  it("sends a key only when one was typed, and removes one only when asked", () => {
    expect(patchOf(form, form)).toEqual({});
    expect(patchOf({ ...form, apiKey: " sk-1 " }, form)).toEqual({ api_key: "sk-1" });
    expect(patchOf({ ...form, removeKey: true }, form)).toEqual({ api_key: null });
    expect(newProviderOf(form).api_key).toBeNull();
  });
  it("sends the options that say something, and leaves the kind's own address to the server", () => {
    const option = (name: string, more: object = {}) => ({
      name,
      about: "",
      secret: false,
      required: false,
      default: "",
      ...more,
    });
    const azure = {
      name: "azure",
      base_url: "https://{resource}.openai.azure.com/openai/v1",
      options: [
        option("resource"),
        option("api_version", { default: "v1" }),
        option("client_secret", { secret: true }),
      ],
    } as unknown as ProviderKindView;
    const begun = formOf(undefined, azure);
    expect(begun.options).toEqual({ resource: "", api_version: "v1", client_secret: "" });
    const made = newProviderOf({ ...begun, options: { ...begun.options, resource: " shop " } }, azure);
    expect([made.base_url, made.options]).toEqual([null, { resource: "shop", api_version: "v1" }]);
    expect(newProviderOf({ ...begun, baseUrl: "https://a.example.com" }, azure).base_url).toBe("https://a.example.com");
    expect(azure.options.map((each) => isNeeded(azure, each))).toEqual([true, false, false]);
  });
  it("keeps a secret option unless another is typed or it is removed", () => {
    const mask = "••••••••";
    const view = { name: "a", base_url: "https://a.example.com", headers: {}, timeouts: {} };
    const before = formOf(
      { ...view, options: { resource: "shop", client_secret: mask } } as unknown as ProviderView,
      undefined,
    );
    expect([before.options, before.keptOptions]).toEqual([{ resource: "shop", client_secret: "" }, ["client_secret"]]);
    expect(patchOf(before, before)).toEqual({});
    const change = (options: Record<string, string>) => ({ ...before, options: { ...before.options, ...options } });
    expect(patchOf(change({ resource: "other" }), before).options).toEqual({ client_secret: mask, resource: "other" });
    expect(patchOf(change({ client_secret: "new" }), before).options).toEqual({
      client_secret: "new",
      resource: "shop",
    });
    expect(patchOf({ ...before, keptOptions: [] }, before).options).toEqual({ resource: "shop" });
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
