import { describe, expect, it } from "vitest";
import { backWords, lastTakenBack, takenBack } from "./tried";

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

  it("is told of an environment while nothing was tried there since", () => {
    const back = { ref: "r4", tried: [{ ...at("staging", "rolled_back"), started: 2_000 }], runs_in: [] };
    const runs = { ref: "r1", tried: [{ ...at("staging", "promoted"), started: 1_000 }], runs_in: ["staging"] };
    expect(lastTakenBack([back, runs], "staging")?.release).toBe("r4");
    expect(lastTakenBack([back, runs], "production")).toBeUndefined();
    const later = { ...runs, tried: [{ ...at("staging", "promoted"), started: 3_000 }] };
    expect(lastTakenBack([back, later], "staging")).toBeUndefined();
    // What runs there is on a page that was not loaded yet: it may have come later.
    expect(lastTakenBack([back], "staging")).toBeUndefined();
  });

  it("is said with when and why", () => {
    expect(backWords(at("production", "rolled_back", "errors 8 %"))).toMatch(
      /^Rolled back from production on .*: errors 8 %$/,
    );
    expect(backWords(at("production", "rolled_back"))).toMatch(/no reason was given$/);
  });
});
