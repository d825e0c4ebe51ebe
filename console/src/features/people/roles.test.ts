import { describe, expect, it } from "vitest";
import type { RoleView } from "@/api/types";
import { areasOf, changesOf, draftOf, nameFault, saying } from "./roles";

describe("permissions of a role", () => {
  it("stand by area, without what everybody has and what is of the whole instance", () => {
    const areas = areasOf(["self", "system:read", "trace:read", "content:read", "key:write"], ["system:read"]);
    expect(areas).toEqual([
      { name: "Watching", permissions: ["trace:read", "content:read"] },
      { name: "People and projects", permissions: ["key:write"] },
    ]);
  });
  it("that are new to the console are not lost", () => {
    expect(areasOf(["robot:read"], [])).toEqual([{ name: "Others", permissions: ["robot:read"] }]);
    expect(saying("robot:read")).toBe("robot:read");
  });
  it("are told in words", () => {
    expect([saying("prompt:write"), saying("content:unmask")]).toEqual([
      "change prompts",
      "unmask, with a reason, texts of calls",
    ]);
  });
});

describe("a role's form", () => {
  it("begins with what a built-in role holds, under a new name", () => {
    const viewer: RoleView = {
      name: "viewer",
      about: "Looks",
      permissions: ["trace:read"],
      built_in: true,
      for_members: true,
      revision: 0,
    };
    expect(draftOf(viewer)).toEqual({ name: "", about: "Looks", permissions: ["trace:read"] });
  });
  it("takes the names that the server takes, once", () => {
    expect(nameFault("prompt-writer", [])).toBe("");
    expect(nameFault("Prompt writer", [])).not.toBe("");
    expect(nameFault("viewer", ["viewer"])).toBe("There is such a role.");
  });
  it("says what is given and taken", () => {
    expect(changesOf(["a", "b"], ["b", "c"])).toEqual({ given: ["c"], taken: ["a"] });
  });
});
