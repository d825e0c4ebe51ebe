import { describe, expect, it } from "vitest";
import type { DeadLetterView } from "@/api/types";
import { causeOf, causesOf } from "./causes";

const letter = (id: number, reason: string, at: number, kind = "span"): DeadLetterView => ({
  id,
  kind,
  segment: "",
  seq: 0,
  at,
  reason,
  bytes: 9,
  request_id: "",
  project: "p",
});

describe("causes of dead letters", () => {
  it("are one where reasons differ in ids, numbers and quoted words alone", () => {
    const a = causeOf({ kind: "span", reason: "span 'a' ends 12 ns before it began, in 0af7651916cd43dd" });
    expect(a).toBe(causeOf({ kind: "span", reason: "span 'bb' ends 7 ns before it began, in b7ad6b7169203331" }));
    expect(a).not.toBe(causeOf({ kind: "call", reason: "span 'a' ends 12 ns before it began, in 0af7651916cd43dd" }));
  });

  it("are told with how many, since when, until when, and the newest words, the most frequent first", () => {
    const rows = [letter(3, "disk is full", 30), letter(2, "no field 7", 20), letter(1, "no field 6", 10)];
    expect(causesOf(rows).map(({ reason, count, first, last }) => [reason, count, first, last])).toEqual([
      ["no field 7", 2, 10, 20],
      ["disk is full", 1, 30, 30],
    ]);
  });
});
