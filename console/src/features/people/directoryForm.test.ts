import { describe, expect, it } from "vitest";
import type { Directory, DirectoryGroup } from "@/api/identity";
import { bodyOf, directoryFault, formOfDirectory, unnamed } from "./directoryForm";

// As answers have them: what has a default is left out of what groups mean.
const KEPT: Directory = {
  organisation: "default",
  url: "https://trimtab.example.com/scim/v2",
  label: "Okta",
  on_delete: "remove",
  everywhere: true,
  roles: [
    { group: "Admins", role: "admin", instance: true },
    { group: "ML team", role: "developer", project: "shop" },
    { group: "*", role: "viewer" },
  ],
  people: 3,
  active: 2,
  groups: 2,
  created: 1,
  updated: 2,
  revision: 1,
};

const group = (name: string, external_id: string | null = null): DirectoryGroup => ({
  id: name,
  name,
  external_id,
  members: 1,
  updated: 1,
});

describe("a directory as a form", () => {
  it("says again what it was made from", () => {
    expect(bodyOf(formOfDirectory(KEPT))).toEqual({
      label: "Okta",
      on_delete: "remove",
      everywhere: true,
      roles: [
        { group: "Admins", role: "admin", project: null, instance: true },
        { group: "ML team", role: "developer", project: "shop", instance: false },
        { group: "*", role: "viewer", project: null, instance: false },
      ],
    });
  });
  it("begins by giving nobody anything, and locks out whom the provider deletes", () => {
    expect(bodyOf(formOfDirectory(null))).toEqual({
      label: "",
      on_delete: "deactivate",
      everywhere: false,
      roles: [],
    });
  });
  it("gives roles on the whole server only where it is a directory of that", () => {
    const form = formOfDirectory(KEPT);
    expect(directoryFault(form)).toBe("");
    expect(directoryFault({ ...form, everywhere: false })).toContain("“Admins”");
  });
  it("finds groups that give nothing, by name in any case and by external id", () => {
    const groups = [group("admins"), group("Sales"), group("Science", "ML team"), group("Cats", "ml team")];
    expect(unnamed(groups, KEPT.roles).map((each) => each.name)).toEqual(["Sales", "Cats"]);
  });
});
