import { describe, expect, it } from "vitest";
import { asTemplate, caseInput, draftMessage, draftOf, NOTHING, plainMessage, promptOf, read } from "./draft";

const CALL = { role: "assistant", content: null, tool_calls: [{ id: "c", type: "function", function: { name: "f" } }] };

describe("a context opened and sent again", () => {
  it("is what it was, plain messages and others", () => {
    const messages = [
      { role: "system", content: "Be kind." },
      { role: "user", content: [{ type: "text", text: "Hi" }] },
      CALL,
      { role: "tool", tool_call_id: "c", content: "found" },
    ];
    const context = { messages, tools: [{ type: "function" }], parameters: { temperature: 0 } };
    const draft = draftOf(context);
    expect(draft.messages.map((each) => each.plain)).toEqual([true, false, false, false]);
    const { asked, wrong } = read(draft);
    expect(wrong).toEqual({});
    expect(asked).toEqual({ ...context, output_schema: null, variables: {} });
  });
});

it("a field that nobody typed into is no message", () => {
  const messages = [plainMessage("system", "Be kind."), plainMessage("user")];
  expect(read({ ...NOTHING, messages }).asked.messages).toEqual([{ role: "system", content: "Be kind." }]);
});

describe("what is not right", () => {
  it("is said by field, and the rest is read", () => {
    const draft = {
      ...NOTHING,
      messages: [
        plainMessage("user", "Hi"),
        { ...draftMessage(CALL), text: "{" },
        { ...draftMessage(CALL), text: "[]" },
      ],
      parameters: "[]",
      tools: "{}",
      schema: "x",
    };
    const { asked, wrong } = read(draft);
    expect(Object.keys(wrong)).toEqual(["message 2", "message 3", "parameters", "tools", "schema"]);
    expect(asked.messages[0]).toEqual({ role: "user", content: "Hi" });
  });
});

describe("a prompt made of messages", () => {
  it("says literally what they said", () => {
    expect(asTemplate("a {{ b }} {% c %} {# d #}")).toBe('a {{ "{{" }} b }} {{ "{%" }} c %} {{ "{#" }} d #}');
  });
  it("leaves out what is not text alone, and says so", () => {
    const draft = draftOf({ messages: [{ role: "user", content: "Hi" }, CALL], tools: [], parameters: { top_p: 1 } });
    const { content, notes } = promptOf(draft);
    expect(content).toEqual({ messages: [{ role: "user", text: "Hi" }], parameters: { top_p: 1 }, tools: [] });
    expect(notes[0]).toMatch("1 of 2");
  });
});

describe("a case of what was asked", () => {
  it("is a text where that is all", () => {
    expect(caseInput({ messages: [{ role: "user", content: "Hi" }], tools: [], variables: {} })).toBe("Hi");
  });
  it("is messages, with tools and variables where there are any", () => {
    const messages = [{ role: "user", content: "Hi" }];
    expect(caseInput({ messages, tools: [], variables: { a: 1 } })).toEqual({ messages, variables: { a: 1 } });
    expect(caseInput({ messages, tools: [{ name: "f" }], variables: {} })).toEqual({
      messages,
      tools: [{ name: "f" }],
    });
    const system = [{ role: "system", content: "Be brief." }, ...messages];
    expect(caseInput({ messages: system, tools: [], variables: {} })).toEqual({ messages: system });
  });
});

describe("what an app's release put over a call", () => {
  it("is saved with the messages, since they were asked together", () => {
    const draft = draftOf({ messages: [{ role: "user", content: "Hi" }], tools: [], parameters: { temperature: 1 } });
    const adds = {
      before: [{ role: "system", content: "Help Ada." }],
      after: [],
      parameters: { temperature: 0.2 },
      tools: [{ type: "function" }],
      output_schema: { type: "object" },
    };
    expect(promptOf(draft, adds).content).toEqual({
      messages: [
        { role: "system", text: "Help Ada." },
        { role: "user", text: "Hi" },
      ],
      parameters: { temperature: 0.2 },
      tools: [{ type: "function" }],
      output_schema: { type: "object" },
    });
  });
});
