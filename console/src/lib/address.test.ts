import { describe, expect, it } from "vitest";
import { leadsElsewhere, originOf } from "./address";

const HOOK = "https://hooks.example.com/mine";

describe("an address", () => {
  it("is the same however it is written, and what lies below", () => {
    for (const same of [HOOK, `${HOOK}/`, "https://HOOKS.example.com:443/mine", `${HOOK}/closed`])
      expect([same, leadsElsewhere(HOOK, same)]).toEqual([same, false]);
    expect(leadsElsewhere("kafka://one:9092,two:9092/a", "kafka://two:9092/b")).toBe(false);
    expect(leadsElsewhere("kafka://one,[::1]/a", "kafka://ONE:9092,[::1]:9092/a")).toBe(false);
  });
  it("is another with another scheme, host, port, query, or a path beside it", () => {
    const others = [
      "http://hooks.example.com/mine",
      "https://evil.example.com/mine",
      "https://hooks.example.com:1/mine",
    ];
    const beside = ["https://hooks.example.com/theirs", `${HOOK}2`, `${HOOK}/../theirs`, `${HOOK}?to=theirs`];
    for (const other of [...others, ...beside]) expect([other, leadsElsewhere(HOOK, other)]).toEqual([other, true]);
    expect(leadsElsewhere("kafka://one:9092/a", "kafka://one:9092,evil:9092/a")).toBe(true);
  });
  it("is not judged before it is one", () => {
    expect(originOf("ftp://x")).toBe("");
    expect(leadsElsewhere(HOOK, "https:/")).toBe(false);
    expect(leadsElsewhere("", HOOK)).toBe(false);
  });
});
