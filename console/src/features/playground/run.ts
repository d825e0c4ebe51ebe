/** What several models answer, put together from the events of one run. */

import type { PlaygroundBegin, PlaygroundDelta, PlaygroundEnd } from "@/api/types";

export interface Block {
  index: number;
  kind: PlaygroundDelta["kind"];
  text: string;
  name: string;
}

export interface Answer {
  run: number;
  model: string;
  /** `stopped` by the person; `lost` where the connection broke. */
  state: "waiting" | "running" | "ended" | "stopped" | "lost";
  blocks: Block[];
  traceId: string;
  end: PlaygroundEnd | null;
}

export type Told =
  | { event: "begin"; data: PlaygroundBegin }
  | { event: "delta"; data: PlaygroundDelta }
  | { event: "end"; data: PlaygroundEnd };

export const waiting = (models: string[]): Answer[] =>
  models.map((model, run) => ({ run, model, state: "waiting", blocks: [], traceId: "", end: null }));

function grown(blocks: Block[], delta: PlaygroundDelta): Block[] {
  const known = blocks.find((each) => each.index === delta.index);
  if (!known) return [...blocks, { index: delta.index, kind: delta.kind, text: delta.text, name: delta.name }];
  return blocks.map((each) => (each === known ? { ...each, text: each.text + delta.text } : each));
}

/** The answers after one more event. */
export const heard = (answers: Answer[], told: Told): Answer[] =>
  answers.map((answer) => (answer.run === told.data.run ? after(answer, told) : answer));

function after(answer: Answer, told: Told): Answer {
  switch (told.event) {
    case "begin":
      return { ...answer, state: "running", traceId: told.data.trace_id };
    case "delta":
      return { ...answer, blocks: grown(answer.blocks, told.data) };
    case "end":
      return { ...answer, state: "ended", end: told.data, traceId: told.data.trace_id || answer.traceId };
  }
}

/** Those that had not ended will not any more. */
export const cutOff = (answers: Answer[], state: "stopped" | "lost"): Answer[] =>
  answers.map((answer) => (answer.end ? answer : { ...answer, state }));

/** What a person reads of an answer, and what two are compared by. */
export const textOf = (answer: Answer): string =>
  answer.blocks
    .filter((block) => block.kind !== "reasoning")
    .map((block) => (block.kind === "tool_call" ? `${block.name}(${block.text})` : block.text))
    .join("\n");
