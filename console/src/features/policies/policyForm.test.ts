import { describe, expect, it } from "vitest";
import type { PolicyDetail } from "@/api/policies";
import { bare, FIRST_TESTS, formOf, jsonOf } from "./policyForm";

const version = (number: number, text: string) => ({
  number,
  text,
  otherwise: "allow" as const,
  tests: [],
  note: "",
  hash: "",
  author: "",
  created: 0,
  in_force: number === 1,
});

describe("the form of a set of policies", () => {
  it("begins with the version in force, and with an example for a new one", () => {
    const detail = {
      set: { name: "data", in_force: 1, newest: 2 },
      versions: [version(2, "new"), version(1, "old")],
    } as unknown as PolicyDetail;
    expect(formOf(detail)).toMatchObject({ name: "data", text: "old", tests: "" });
    expect(jsonOf(formOf(undefined).tests)).toHaveLength(1);
    expect(formOf(undefined).tests).toBe(FIRST_TESTS);
  });

  it("takes a list of tests, and nothing else", () => {
    expect(jsonOf("  ")).toEqual([]);
    expect(jsonOf("[1]")).toEqual([1]);
    expect(jsonOf("{}")).toBeUndefined();
    expect(jsonOf("[")).toBeUndefined();
  });

  it("shows of a test what it says, and leaves out what it does not", () => {
    const told = {
      name: "n",
      context: { tags: [], data_class: "personal", at: 0 },
      resource: { name: "" },
      policy: "",
    };
    expect(bare(told)).toEqual({ name: "n", context: { data_class: "personal" } });
  });
});
