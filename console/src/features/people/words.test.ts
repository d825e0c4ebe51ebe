import { expect, test } from "vitest";
import type { MemberView, RoleView } from "@/api/types";
import { givable, sourceOf, stateOf, summaryOf } from "./words";

const ADA: MemberView = {
  id: "usr_1",
  kind: "person",
  name: "Ada",
  email: "ada@example.com",
  role: "viewer",
  source: "by hand",
  since: 1,
  seen: null,
  disabled: null,
};
const ROLE: RoleView = {
  name: "writer",
  about: "",
  permissions: ["prompt:write"],
  built_in: false,
  for_members: true,
  revision: 1,
};

test("a role that a group gave names its provider", () => {
  expect(sourceOf(ADA)).toBe("by hand");
  expect(sourceOf({ ...ADA, source: "oidc:google" })).toBe("by google");
  expect(sourceOf({ ...ADA, source: "scim:default" })).toBe("by the directory");
});

test("who never signed in is invited, a service account never is", () => {
  expect(stateOf(ADA)).toBe("invited");
  expect(stateOf({ ...ADA, seen: 2 })).toBe("active");
  expect(stateOf({ ...ADA, kind: "service" })).toBe("active");
  expect(stateOf({ ...ADA, disabled: 3 })).toBe("disabled");
});

test("only roles for members are offered, and a role without words tells its permissions", () => {
  expect(givable([ROLE, { ...ROLE, name: "client", for_members: false }])).toEqual([
    { value: "writer", label: "writer" },
  ]);
  expect(summaryOf(ROLE)).toBe("prompt:write");
  expect(summaryOf({ ...ROLE, about: "Writes." })).toBe("Writes.");
});
