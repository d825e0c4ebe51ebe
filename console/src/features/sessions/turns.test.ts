import { expect, test } from "vitest";
import type { MessageView, SpanRow } from "@/api/types";
import { newMessages, pauseBefore } from "./turns";

const said = (role: string, text: string): MessageView => ({ role, parts: [{ type: "text", text }], name: null });
const at = (started: number, duration = 0) => ({ started, duration }) as SpanRow;

test("a turn shows what was said since the last answer, and no standing instructions", () => {
  const input = [said("system", "Be kind."), said("user", "a"), said("assistant", "b"), said("user", "c")];
  expect(newMessages({ input }).map((m) => m.parts[0]?.text)).toEqual(["c"]);
  expect(newMessages({ input: input.slice(0, 2) }).map((m) => m.parts[0]?.text)).toEqual(["a"]);
});

test("the results of tools are new; a history that ends with an answer has nothing new", () => {
  const input = [said("user", "a"), said("assistant", "calls"), said("tool", "result")];
  expect(newMessages({ input }).map((m) => m.role)).toEqual(["tool"]);
  expect(newMessages({ input: input.slice(0, 2) })).toEqual([]);
});

test("a pause counts from the end of the turn before, and only when it is long", () => {
  expect(pauseBefore(undefined, at(0))).toBe(0);
  expect(pauseBefore(at(0, 5_000), at(60_000))).toBe(0);
  expect(pauseBefore(at(0, 5_000), at(3_605_000))).toBe(3_600_000);
});
