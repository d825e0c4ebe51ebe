import { describe, expect, it } from "vitest";
import { ApiProblem } from "./client";
import { begunAt, growsIn, isOnItsWay, mayPass, updateComesIn } from "./queries";

const problem = (status: number) => new ApiProblem({ status, detail: "x" });
const idOf = (ms: number) => `${ms.toString(16).padStart(12, "0")}7abc8${"0".repeat(15)}`;

describe("a trace that grows", () => {
  it("is asked for every moment, and the more rarely the larger it is", () => {
    expect(growsIn(1)).toBe(1_500);
    expect(growsIn(2_000)).toBe(1_500);
    expect(growsIn(30_000)).toBe(5_000);
  });
});

describe("asking again", () => {
  it("reads the time a trace began out of its id, of ours only", () => {
    expect(begunAt(idOf(1_795_249_355_696))).toBe(1_795_249_355_696);
    expect(begunAt("4bf92f3577b34da6a3ce929d0e0e4736")).toBeNull();
  });
  it("waits for a trace of a moment ago, not for one that never was", () => {
    expect(isOnItsWay(idOf(Date.now() - 2_000), problem(404))).toBe(true);
    expect(isOnItsWay(idOf(Date.now() - 3_600_000), problem(404))).toBe(false);
    expect(isOnItsWay(idOf(Date.now()), problem(403))).toBe(false);
  });
  it("asks for a trace that is made anew once it should be, and not for any other", () => {
    expect(updateComesIn(null, 1_000)).toBe(false);
    expect(updateComesIn(undefined, 1_000)).toBe(false);
    expect(updateComesIn(500, 1_000)).toBe(2_000);
    expect(updateComesIn(31_000, 1_000)).toBe(31_000);
    expect(updateComesIn(86_400_000, 1_000)).toBe(60_000);
  });
  it("does not insist on refusals", () => {
    expect([0, 502, 503].every((status) => mayPass(0, problem(status)))).toBe(true);
    expect([400, 401, 404, 409, 500].some((status) => mayPass(0, problem(status)))).toBe(false);
    expect(mayPass(3, problem(503))).toBe(false);
  });
});
