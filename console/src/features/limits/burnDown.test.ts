import { expect, test } from "vitest";
import { curveOf } from "./burnDown";

const burnt = (points: [number, string][], bound = "10") => ({
  limit: "day",
  measure: "money" as const,
  bound,
  started: 1000,
  resets: 2000,
  step_ms: 100,
  points: points.map(([at, used]) => ({ at, used })),
});

test("what is left falls from the bound, and goes on at its pace to the window's end", () => {
  const curve = curveOf(
    burnt([
      [1250, "1"],
      [1500, "2.5"],
    ]),
  );
  expect(curve).toEqual({ left: "0,0 0.25,0.1 0.5,0.25", ahead: "0.5,0.25 1,0.5", now: 0.5 });
});

test("a pace that is too fast meets the floor before the window ends", () => {
  expect(curveOf(burnt([[1250, "5"]])).ahead).toBe("0.25,0.5 0.5,1");
});

test("what is unused or used up has no pace to draw", () => {
  expect(curveOf(burnt([[1250, "0"]])).ahead).toBeNull();
  expect(curveOf(burnt([[1250, "12"]])).left).toBe("0,0 0.25,1");
  expect(curveOf(burnt([[1250, "12"]])).ahead).toBeNull();
  expect(curveOf(burnt([])).left).toBe("0,0");
  expect(curveOf(burnt([[1250, "0"]], "0")).left).toBe("0,0 0.25,1");
});
