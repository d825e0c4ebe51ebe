import { describe, expect, it } from "vitest";
import { ApiProblem } from "@/api/client";
import { differences, meantBy, merged, unlessChanged } from "./conflict";

describe("what has no revision", () => {
  it("is saved while it is what it was when the form was opened, or is new", () => {
    expect(() => unlessChanged({ bound: "5", per: ["key"] }, { form: { bound: "5", per: ["key"] } })).not.toThrow();
    expect(() => unlessChanged({ bound: "" }, undefined)).not.toThrow();
  });

  it("is not written over once somebody else changed it", () => {
    expect(() => unlessChanged({ bound: "5", per: ["key"] }, { form: { bound: "5", per: ["key", "user"] } })).toThrow(
      ApiProblem,
    );
  });

  it("is the server's to refuse where there is one", () => {
    expect(() => unlessChanged({ bound: "5" }, { form: { bound: "6" }, revision: 2 })).not.toThrow();
  });
});

const OPENED = { bound: "5", timezone: "UTC", per: ["key"], headers: false, values: { attempts: "8", total: "" } };
const MINE = { ...OPENED, bound: "7", values: { attempts: "4", total: "" } };
const NOW = { ...OPENED, timezone: "Europe/Berlin", per: ["key", "user"], values: { attempts: "8", total: "60" } };

describe("a refusal", () => {
  const refused = new ApiProblem({ status: 409, code: "revision_conflict", detail: "It was changed by Ada." });
  const base = { form: { bound: "5", per: "key" }, revision: 2 };
  const form = { bound: "7", per: "key" };

  it("has two ways on where somebody else changed the thing, which begin with what there is now", () => {
    const now = { form: { bound: "5", per: "user" }, revision: 3 };
    const went: unknown[] = [];
    const meant = meantBy(refused, { base, form, now }, (next, mine) => went.push([next.revision, mine]));
    if (meant === undefined || meant === "gone") throw new Error("It was changed.");
    expect(meant.differences).toEqual([{ field: "per", was: "key", is: "user" }]);
    meant.merge();
    meant.take();
    expect(went).toEqual([
      [3, { bound: "7", per: "user" }],
      [3, { bound: "5", per: "user" }],
    ]);
  });

  it("says that it is gone where what there was last is still what was opened", () => {
    expect(meantBy(refused, { base, form, now: base }, () => undefined)).toBe("gone");
  });

  it("means nothing of the kind where it is another, or where the thing is to be new", () => {
    const other = new ApiProblem({ status: 409, code: "conflict", detail: "The name is taken." });
    expect(meantBy(other, { base, form, now: base }, () => undefined)).toBeUndefined();
    expect(meantBy(null, { base, form, now: base }, () => undefined)).toBeUndefined();
    expect(meantBy(refused, { base, form, now: undefined }, () => undefined)).toBeUndefined();
  });
});

describe("two changes of one thing", () => {
  it("go together where they are of different fields, inside of groups as well", () => {
    expect(merged(OPENED, MINE, NOW)).toEqual({
      bound: "7",
      timezone: "Europe/Berlin",
      per: ["key", "user"],
      headers: false,
      values: { attempts: "4", total: "60" },
    });
  });

  it("are the form's where both are of one field", () => {
    expect(merged({ bound: "5" }, { bound: "7" }, { bound: "9" })).toEqual({ bound: "7" });
  });

  it("are what there is now where the form changed nothing", () => {
    expect(merged(OPENED, OPENED, NOW)).toEqual(NOW);
  });

  it("are told field by field, with the form's own where it is a third", () => {
    expect(differences(OPENED, MINE, NOW)).toEqual([
      { field: "timezone", was: "UTC", is: "Europe/Berlin" },
      { field: "per", was: "key", is: "key, user" },
      { field: "values: total", was: "nothing", is: "60" },
    ]);
    expect(differences({ capOutput: true }, { capOutput: true }, { capOutput: false })).toEqual([
      { field: "cap output", was: "on", is: "off" },
    ]);
    expect(differences({ bound: "5" }, { bound: "7" }, { bound: "9" })).toEqual([
      { field: "bound", was: "5", is: "9", yours: "7" },
    ]);
    expect(differences(OPENED, MINE, OPENED)).toEqual([]);
  });
});
