/** What is new in a turn: a chat sends its whole history each time, a person has read most of it already. */

import type { MessageView, SpanIO, SpanRow } from "@/api/types";

/** The messages after the last answer in the history, without standing instructions. */
export function newMessages(io: Pick<SpanIO, "input">): MessageView[] {
  let last = -1;
  io.input.forEach((message, i) => {
    if (message.role === "assistant") last = i;
  });
  const rest = io.input.slice(last + 1).filter((message) => message.role !== "system" && message.role !== "developer");
  return rest;
}

const LONG_MS = 30 * 60_000;

/** How long nobody said anything before this turn, where that was long; 0 otherwise. */
export function pauseBefore(before: SpanRow | undefined, turn: SpanRow): number {
  if (!before) return 0;
  const gap = turn.started - (before.started + before.duration);
  return gap >= LONG_MS ? gap : 0;
}
