import { describe, expect, it } from "vitest";
import type { CallPolicyView } from "@/api/types";
import { bodyOf, cacheWords, check, contextWords, fieldOf, formOf } from "./callPolicy";

/** As the server sends it: what is as by default is left out. */
const view = (more: object) =>
  ({
    name: "fast",
    cache: null,
    context: null,
    source: "catalog",
    in_force: true,
    updated: 1,
    ...more,
  }) as CallPolicyView;

describe("a policy of a called name", () => {
  it("comes back as it was sent, defaults written out", () => {
    const kept = view({ cache: { mode: "semantic", ttl_s: 90, threshold: 0.93 }, context: { max_tokens: 4000 } });
    expect(bodyOf(formOf(kept))).toEqual({
      cache: { mode: "semantic", ttl_s: 90, scope: null, sampled: false, threshold: 0.93 },
      context: {
        max_tokens: 4000,
        keep_turns: 2,
        deduplicate: false,
        tool_result_tokens: null,
        old_turn_tokens: null,
      },
    });
  });

  it("sends no threshold with an exact cache, and null for what is off", () => {
    const form = { ...formOf(undefined), name: "fast", threshold: "0.9" };
    expect(bodyOf(form)).toEqual({
      cache: { mode: "exact", ttl_s: 3600, scope: null, sampled: false, threshold: null },
      context: null,
    });
    expect(bodyOf({ ...form, cache: false, context: true }).cache).toBeNull();
  });

  it("says what cannot be sent, and only of what is switched on", () => {
    const form = { ...formOf(undefined), minutes: "soon", keepTurns: "-1" };
    expect(Object.keys(check(form))).toEqual(["name", "minutes"]);
    const off = { ...form, name: "fast", cache: false };
    expect(Object.keys(check(off))).toEqual(["off"]);
    expect(Object.keys(check({ ...off, context: true, maxTokens: "1.5" }))).toEqual(["keepTurns", "maxTokens"]);
    const vague = { ...formOf(undefined), name: "fast", mode: "semantic" as const, threshold: "0.3" };
    expect(Object.keys(check(vague))).toEqual(["threshold"]);
  });

  it("is told in words", () => {
    const both = view({ cache: { scope: "key", sampled: true }, context: { deduplicate: true, keep_turns: 4 } });
    expect(cacheWords(both)).toBe("the same request, 60 min, for each key, sampled answers too");
    expect(contextWords(both)).toBe("repeated texts once, the last 4 turns whole");
    expect(contextWords(view({ context: { deduplicate: true, keep_turns: 1 } }))).toBe(
      "repeated texts once, the last turn whole",
    );
    expect([cacheWords(view({})), contextWords(view({}))]).toEqual(["", ""]);
  });

  it("puts a refusal beside its field", () => {
    expect(fieldOf("cache.ttl_s")).toBe("minutes");
    expect(fieldOf("context")).toBeUndefined();
  });
});
