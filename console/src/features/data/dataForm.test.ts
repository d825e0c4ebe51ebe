import { describe, expect, it } from "vitest";
import {
  byProvider,
  classesFault,
  heldWords,
  holdBody,
  holdFault,
  moved,
  NEW_HOLD,
  saysNothing,
  termsBody,
  termsDraft,
} from "./dataForm";

describe("a legal hold's form", () => {
  const draft = { ...NEW_HOLD, value: " alice ", reason: "Case 7", from: "2026-03-01", until: "2026-05-31" };
  it("holds whole days, the last one too, and says them back", () => {
    const body = holdBody(draft);
    expect(body).toEqual({
      subject: "user",
      value: "alice",
      start: Date.UTC(2026, 2, 1),
      end: Date.UTC(2026, 5, 1),
      reason: "Case 7",
    });
    expect(heldWords({ subject: "user", value: "alice", start: body.start ?? null, end: body.end ?? null })).toBe(
      "user alice, from 2026-03-01 to 2026-05-31",
    );
  });
  it("of the whole project names nobody", () => {
    expect(holdBody({ ...draft, subject: "project", from: "", until: "" })).toMatchObject({
      value: "",
      start: null,
      end: null,
    });
    expect(heldWords({ subject: "project", value: "", start: null, end: null })).toBe("the whole project");
  });
  it("wants a subject, a reason and an end after the beginning", () => {
    expect(holdFault(draft)).toBe("");
    expect(holdFault({ ...draft, value: "" })).toContain("user");
    expect(holdFault({ ...draft, reason: " " })).toContain("why");
    expect(holdFault({ ...draft, until: "2026-02-01" })).toContain("before");
  });
});

describe("data terms", () => {
  it("tell what is stated as none apart from what is not stated", () => {
    const stated = {
      subject: "provider",
      name: "lab",
      region: null,
      data_classes: [],
      terms: null,
      revision: 1,
    } as const;
    const body = termsBody(termsDraft({ ...stated, data_classes: [] }));
    expect(body).toEqual({ region: null, data_classes: [], terms: null });
    expect(saysNothing(body)).toBe(false);
    expect(saysNothing(termsBody(termsDraft(undefined)))).toBe(true);
  });
  it("list providers without a model, too", () => {
    expect(byProvider([], ["b", "a"])).toEqual([
      ["a", []],
      ["b", []],
    ]);
  });
});

describe("data classes", () => {
  it("move by one place and stay within the list", () => {
    expect(moved(["a", "b", "c"], "c", -1)).toEqual(["a", "c", "b"]);
    expect(moved(["a", "b", "c"], "a", 1)).toEqual(["b", "a", "c"]);
    expect(moved(["a", "b"], "a", -1)).toEqual(["a", "b"]);
  });
  it("have a standard that is one of them, or none", () => {
    expect(classesFault(["a"], "")).toBe("");
    expect(classesFault(["a"], "b")).toContain("b");
    expect(classesFault([], "")).not.toBe("");
  });
});
