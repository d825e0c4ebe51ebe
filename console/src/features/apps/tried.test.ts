import { describe, expect, it } from "vitest";
import { backWords, takenBack } from "./tried";

const at = (environment: string, state: "promoted" | "rolled_back", reason = "") => ({
  environment,
  rollout: `ro_${environment}_${state}`,
  kind: "canary" as const,
  state,
  started: 1_750_000_000_000,
  ended: 1_750_000_060_000,
  reason,
});

describe("where a release was taken back", () => {
  it("is told of each environment by its last rollout, and not where it runs", () => {
    const tried = [
      at("production", "rolled_back", "errors"),
      at("production", "promoted"),
      at("staging", "promoted"),
      at("staging", "rolled_back"),
      at("lab", "rolled_back"),
    ];
    expect(takenBack({ tried, runs_in: ["lab"] }).map((each) => each.environment)).toEqual(["production"]);
    expect(takenBack({ tried: [], runs_in: [] })).toEqual([]);
  });

  it("is said with when and why", () => {
    expect(backWords(at("production", "rolled_back", "errors 8 %"))).toMatch(
      /^Rolled back from production on .*: errors 8 %$/,
    );
    expect(backWords(at("production", "rolled_back"))).toMatch(/no reason was given$/);
  });
});
