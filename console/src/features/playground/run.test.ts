import { expect, it } from "vitest";
import type { PlaygroundDelta, PlaygroundEnd } from "@/api/types";
import { cutOff, heard, textOf, waiting } from "./run";

const delta = (more: Partial<PlaygroundDelta>): { event: "delta"; data: PlaygroundDelta } => ({
  event: "delta",
  data: { run: 0, index: 0, kind: "text", text: "", id: "", name: "", ...more },
});

it("answers grow by their own events, block by block", () => {
  let answers = waiting(["a", "b"]);
  answers = heard(answers, { event: "begin", data: { run: 0, model: "a", trace_id: "t", span_id: "s" } });
  answers = heard(answers, delta({ kind: "reasoning", text: "hm" }));
  answers = heard(answers, delta({ index: 1, text: "Hel" }));
  answers = heard(answers, delta({ index: 1, text: "lo" }));
  answers = heard(answers, delta({ index: 2, kind: "tool_call", name: "f" }));
  answers = heard(answers, delta({ index: 2, kind: "tool_call", text: "{}" }));
  expect(answers[0]?.state).toBe("running");
  expect(textOf(answers[0] as never)).toBe("Hello\nf({})");
  expect(answers[1]?.state).toBe("waiting");
});

it("what was cut off is told from what had ended", () => {
  const end = { run: 1, trace_id: "t" } as PlaygroundEnd;
  const answers = cutOff(heard(waiting(["a", "b"]), { event: "end", data: end }), "stopped");
  expect(answers.map((each) => each.state)).toEqual(["stopped", "ended"]);
});
