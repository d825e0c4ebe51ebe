import { describe, expect, it } from "vitest";
import type { GuardKind, GuardSpec } from "@/api/guards";
import { formOf, specOf } from "./guardForm";

const kind: GuardKind = {
  name: "pii",
  version: "1",
  about: "Personal data.",
  needs: "cpu",
  stages: ["input", "output"],
  actions: ["flag", "redact", "block", "escalate"],
  threshold: 0.5,
  window: 256,
  options: {
    type: "object",
    properties: {
      kinds: { type: "array", items: { enum: ["email", "iban"] }, default: [] },
      mode: { enum: ["redact", "hash"], default: "redact" },
    },
  },
};

describe("a guard as a form", () => {
  it("begins in shadow mode, and blocks where its kind can", () => {
    expect(specOf(formOf(undefined, kind), kind)).toEqual({
      spec: { kind: "pii", action: "block", mode: "shadow" },
      wrong: {},
    });
    const flags: GuardKind = { ...kind, actions: ["flag"] };
    expect(formOf(undefined, flags).action).toBe("flag");
  });
  it("says again what it was made from, defaults left out", () => {
    const spec: GuardSpec = {
      kind: "pii",
      action: "redact",
      mode: "enforce",
      description: "Mail addresses stay here",
      stages: ["output"],
      threshold: 0.7,
      timeout_ms: 200,
      order: 5,
      on_failure: "open",
      unread: "block",
      applies_to: ["support", "gpt-*"],
      data_class: "personal",
      options: { kinds: ["email"], mode: "hash" },
    };
    expect(specOf(formOf(spec, kind), kind)).toEqual({ spec, wrong: {} });
  });
  it("keeps what it has no field for", () => {
    const spec = { kind: "pii", action: "flag", mode: "off", newer: ["than", "this"] } as GuardSpec;
    expect(specOf(formOf(spec, kind), kind, spec).spec).toEqual(spec);
  });
  it("takes what the server leaves out as the server does", () => {
    const form = formOf({ kind: "pii" }, kind);
    expect([form.mode, form.action, form.onFailure, form.order]).toEqual(["enforce", "flag", "closed", "100"]);
    expect(form.unread).toBe("flag");
    expect(form.stages).toEqual(["input", "output"]);
  });
  it("forgets the options of another kind", () => {
    expect(formOf({ kind: "egress", options: { kinds: ["email"] } }, kind).options.kinds).toEqual([]);
  });
  it("names what cannot be", () => {
    const form = { ...formOf(undefined, kind), stages: [], threshold: "1.2", timeout: "0.5", order: "x" };
    expect(Object.keys(specOf(form, kind).wrong).sort()).toEqual(["order", "stages", "threshold", "timeout"]);
    expect(specOf({ ...formOf(undefined, kind), action: "escalate" }, kind).wrong).toHaveProperty("queue");
    expect(specOf({ ...formOf(undefined, kind), dataClass: "Very secret" }, kind).wrong).toHaveProperty("dataClass");
  });
  it("tells messages apart by who wrote them only where messages are looked at", () => {
    const form = { ...formOf(undefined, kind), roles: ["user" as const] };
    expect(specOf(form, kind).spec.roles).toEqual(["user"]);
    expect(specOf({ ...form, stages: ["output"] }, kind).spec.roles).toBeUndefined();
  });
  it("takes the class of data away where the field is emptied", () => {
    const spec: GuardSpec = { kind: "pii", action: "flag", mode: "enforce", data_class: "personal" };
    expect(specOf({ ...formOf(spec, kind), dataClass: " " }, kind, spec).spec.data_class).toBeUndefined();
  });
  it("keeps a budget only where a model is asked", () => {
    const form = { ...formOf(undefined, kind), budget: "2.50" };
    expect(specOf(form, kind).spec.budget).toBeUndefined();
    expect(specOf(form, { ...kind, needs: "model" }).spec.budget).toBe("2.50");
  });
});
