import { describe, expect, it } from "vitest";
import { traceIdIn } from "./traceId";

const ID = "01a208cdadf27c3e9f0011223344aabb";

describe("what is pasted as a trace", () => {
  it("is its id, or an address that has it", () => {
    expect(traceIdIn(ID)).toBe(ID);
    expect(traceIdIn(` ${ID.toUpperCase()}\n`)).toBe(ID);
    expect(traceIdIn(`https://trimtab.example/p/default/traces/${ID}?span=0011223344556677&view=cost`)).toBe(ID);
  });

  it("is nothing where no id is in it, or not one alone", () => {
    expect(traceIdIn("")).toBe("");
    expect(traceIdIn("req_01a208ce39387fd1")).toBe("");
    expect(traceIdIn(`${ID}0`)).toBe("");
    expect(traceIdIn(`/compare?a=${ID}&b=${"ab".repeat(16)}`)).toBe("");
  });
});
