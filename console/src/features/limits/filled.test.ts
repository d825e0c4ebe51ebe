import { describe, expect, it } from "vitest";
import type { LimitEventView, LimitView } from "@/api/types";
import { ofBound } from "./amounts";
import { filledBy, isSpent, largerThan, refusedBy, refusedSince } from "./filled";

const limit = (change: Partial<LimitView>) =>
  ({ measure: "money", scope: {}, per: [], ...change }) as unknown as LimitView;
const standing = (values: Record<string, string>, keys: string[] = []) =>
  ({ values, keys, started: 1000 }) as unknown as LimitView["standings"][number];

describe("from a limit to who filled it", () => {
  it("asks the books for the window, by what the rule leaves open", () => {
    expect(filledBy(limit({}), standing({}), 9000)).toEqual({
      q: undefined,
      by: "user",
      sort: undefined,
      start: "1000",
      end: "9000",
    });
  });
  it("narrows to the scope and to the count's own values", () => {
    const rule = limit({ measure: "requests", scope: { key: ["mobile"] } as LimitView["scope"], per: ["user"] });
    const found = filledBy(rule, standing({ user: "ann smith" }), 9000);
    expect(found).toMatchObject({ q: 'key:mobile user:"ann smith"', by: "feature", sort: "-calls" });
  });
  it("finds the calls of all keys that count as one, by their ids", () => {
    const per = limit({ per: ["key"] as LimitView["per"] });
    expect(filledBy(per, standing({ key: "key_1" }, ["key_2", "key_1"]), 9)?.q).toBe("key:(key_2 OR key_1)");
    const scope = { key: ["mobile"] } as LimitView["scope"];
    expect(filledBy(limit({ scope }), standing({}, ["key_2", "key_1"]), 9)?.q).toBe("key:(key_2 OR key_1)");
  });
  it("finds an app or a route by either name, and keeps a star in a scope", () => {
    const scope = { app: ["smart"], model: ["gpt*", "o1"] } as LimitView["scope"];
    expect(filledBy(limit({ scope }), standing({}), 9)?.q).toBe("(app:smart OR asked:smart) model:(gpt* OR o1)");
  });
  it("leads nowhere for calls at once, or where nothing is named", () => {
    expect(filledBy(limit({ measure: "concurrency" }), standing({}), 9)).toBeNull();
    expect(filledBy(limit({ per: ["user"] }), standing({ user: "" }), 9)).toBeNull();
    expect(filledBy(limit({ scope: { feature: ["first draft*"] } as LimitView["scope"] }), standing({}), 9)).toBeNull();
  });
  it("finds the calls that were refused", () => {
    const event = { kind: "exhausted", values: { user: "u1" }, at: 5000 } as unknown as LimitEventView;
    expect(refusedBy(event, 9000)).toEqual({ q: "error:limit_reached user:u1", start: "4000", end: "9000" });
    expect(refusedBy({ ...event, kind: "overdraft" }, 9000)).toBeNull();
  });
  it("finds those of a scope, by what the search has words for", () => {
    const rule = limit({ scope: { feature: ["search"], app: ["shop"], model: ['a "b"*'] } as LimitView["scope"] });
    expect(refusedSince(rule, { user: "u1" }, 5000, 9000).q).toBe("error:limit_reached feature:search user:u1");
  });
  it("knows a budget that refuses before it is all gone, by what happened in this window and under this bound", () => {
    const rule = limit({ name: "team", bound: "10" });
    const count = { ...standing({ user: "u1" }), used: "9.99" };
    const event = {
      kind: "exhausted",
      limit: "team",
      values: { user: "u1" },
      at: 5000,
      bound: "10",
    } as unknown as LimitEventView;
    expect(isSpent(rule, count, [{ ...event, at: 7000 }, event])).toEqual({ since: 5000 });
    const others: Partial<LimitEventView>[] = [
      { limit: "other" },
      { values: { user: "u2" } },
      { at: 999 },
      { kind: "soft_reached" },
      { bound: "5" },
    ];
    for (const other of others) expect(isSpent(rule, count, [{ ...event, ...other }])).toBeNull();
    expect(isSpent(rule, { ...count, used: "10" }, [])).toEqual({ since: null });
    expect(isSpent(limit({ measure: "concurrency", bound: "1" }), { ...count, used: "1" }, [])).toBeNull();
  });
  it("tells of calls larger than all of it, of late and as long as they still would be", () => {
    const rule = limit({ name: "team", bound: "10", mode: "hard" });
    const event = { kind: "larger", limit: "team", values: { user: "u1" }, at: 5000, used: "11", bound: "10" };
    const events = [{ ...event, limit: "other" }, event] as unknown as LimitEventView[];
    expect(largerThan(rule, events, 9000)).toBe(events[1]);
    expect(refusedBy(events[1] as LimitEventView, 9000)?.q).toBe("error:larger_than_limit user:u1");
    expect(largerThan({ ...rule, bound: "11" }, events, 9000)).toBeUndefined();
    expect(largerThan({ ...rule, mode: "soft" }, events, 9000)).toBeUndefined();
    expect(largerThan(rule, events, 5000 + 86_400_000)).toBeUndefined();
  });
  it("says the unit once", () => {
    expect(ofBound("requests", "2", "6")).toBe("2 of 6 requests");
    expect(ofBound("requests", "0", "1")).toBe("0 of 1 request");
    expect(ofBound("money", "0.5", "10")).toBe("$0.50 of $10.00");
    expect(ofBound("concurrency", "3", "20")).toBe("3 of 20 at once");
  });
});
