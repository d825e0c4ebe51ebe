import { describe, expect, it } from "vitest";
import { actionWords, keyNameOf, reasonOf, stepOf, subjectOf } from "./words";

const entry = (action: string, detail: Record<string, unknown>) => ({
  id: "1",
  at: 0,
  actor: "",
  actor_name: "rollout controller",
  action,
  subject: "app:support",
  detail,
});

describe("a subject", () => {
  it.each([
    ["app:support", { kind: "app", app: "support" }],
    ["release:support@r12", { kind: "release", app: "support", release: "r12" }],
    ["environment:production", { kind: "environment", environment: "production" }],
    ["placement:support@staging", { kind: "placement", app: "support", environment: "staging" }],
    ["rollout:support@staging:ro_1", { kind: "rollout", app: "support", environment: "staging", rollout: "ro_1" }],
    ["key:k_1", { kind: "other", text: "key:k_1" }],
    ["rollout:", { kind: "other", text: "rollout:" }],
  ])("%s is found again", (text, subject) => {
    expect(subjectOf(text)).toEqual(subject);
  });
});

describe("an entry", () => {
  it("has words even for what nobody has thought of", () => {
    expect(actionWords("release.created")).toBe("created the release");
    expect(actionWords("corpus.re_indexed")).toBe("corpus re indexed");
  });
  it("says what it went without", () => {
    expect(reasonOf(entry("rollout.promoted", { reason: "now", override: "the house burns" }))).toBe(
      "now (without what is demanded: the house burns)",
    );
    expect(reasonOf(entry("release.created", { message: "Warmer" }))).toBe("Warmer");
    expect(reasonOf(entry("app.changed", {}))).toBe("");
  });
  it("says what a gate's record says in words, and leaves other words as they are", () => {
    const record = JSON.stringify({ experiment: "exp_1", says: "support@r2 is worse than support@r3 in chrf." });
    expect(reasonOf(entry("gate.recorded", { reason: record }))).toBe("support@r2 is worse than support@r3 in chrf.");
    expect(reasonOf(entry("gate.recorded", { reason: "{so it goes" }))).toBe("{so it goes");
    expect(reasonOf(entry("gate.recorded", { reason: '{"says": 3}' }))).toBe('{"says": 3}');
  });
  it("calls a key by its name", () => {
    const made = { ...entry("key.created", { from: null, to: { name: "my-app" } }), subject: "key:key_1" };
    expect(keyNameOf(made)).toBe("my-app");
    expect(keyNameOf({ ...made, detail: { from: { name: "old" }, to: null } })).toBe("old");
    expect(keyNameOf({ ...made, detail: {} })).toBe("");
    expect(keyNameOf(entry("app.changed", { to: { name: "x" } }))).toBe("");
  });
  it("says what went from what to what", () => {
    expect(stepOf(entry("placement.changed", { from: null, to: 2 }))).toBe("nothing → r2");
    expect(stepOf(entry("rollout.advanced", { from: { share: 0.05 }, to: { share: 0.25 } }))).toBe("5 % → 25 %");
    expect(stepOf(entry("rollout.started", { from: null, to: { share: 0.05 } }))).toBe("5 %");
  });
});
