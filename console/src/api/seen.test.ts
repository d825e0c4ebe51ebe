import { expect, test } from "vitest";
import { metricsOf } from "./seen";

test("a tile's cost is asked for with how many calls have no price", () => {
  expect(metricsOf({ metrics: ["count"] })).toEqual(["count"]);
  expect(metricsOf({ metrics: ["cost", "count"] })).toEqual(["cost", "count", "unpriced"]);
  expect(metricsOf({ metrics: ["unpriced", "cost"] })).toEqual(["unpriced", "cost"]);
  expect(metricsOf({})).toEqual(["count"]);
  const most = ["cost", ...Array.from({ length: 15 }, (_, i) => `p${i}(duration)`)];
  expect(metricsOf({ metrics: most })).toEqual(most);
});
