/** What is asked, as it is being written: messages as text where they are text, as JSON where they are more. */

import type { JsonObject } from "@/api/types";

export interface DraftMessage {
  /** Unlike any other of the page, so that a list keeps its fields apart. */
  id: number;
  role: string;
  /** The text of a plain message; of any other its JSON, whole. */
  text: string;
  plain: boolean;
}

export interface Draft {
  messages: DraftMessage[];
  parameters: string;
  tools: string;
  schema: string;
  /** An app's. */
  variables: string;
}

export const ROLES = ["system", "developer", "user", "assistant"] as const;
export const NOTHING: Draft = { messages: [], parameters: "", tools: "", schema: "", variables: "" };

const fresh = () => Math.random();

export const plainMessage = (role: string, text = ""): DraftMessage => ({ id: fresh(), role, text, plain: true });

export function draftMessage(message: JsonObject): DraftMessage {
  const { role, content, ...more } = message;
  const plain =
    typeof content === "string" && Object.keys(more).length === 0 && (ROLES as readonly unknown[]).includes(role);
  const text = plain ? content : JSON.stringify(message, null, 2);
  return { id: fresh(), role: String(role), text, plain };
}

const print = (value: unknown): string =>
  value === null || value === undefined || Object.keys(value as object).length === 0
    ? ""
    : JSON.stringify(value, null, 2);

interface Context {
  messages: JsonObject[];
  tools: JsonObject[];
  parameters: JsonObject;
  variables?: JsonObject;
}

export function draftOf(context: Context): Draft {
  return {
    ...NOTHING,
    messages: context.messages.map(draftMessage),
    parameters: print(context.parameters),
    tools: print(context.tools),
    variables: print(context.variables),
  };
}

interface Read {
  messages: JsonObject[];
  parameters: JsonObject;
  tools: JsonObject[];
  output_schema: JsonObject | null;
  variables: JsonObject;
}

/** By field (a message's is `message 3`), what is wrong with it. */
export type Wrong = Record<string, string>;

export function messageOf(message: DraftMessage): JsonObject {
  if (message.plain) return { role: message.role, content: message.text };
  const value: unknown = JSON.parse(message.text);
  if (typeof value !== "object" || value === null || !("role" in value)) throw new Error("A message has a role.");
  return value as JsonObject;
}

function json<T>(text: string, empty: T, kind: "object" | "list"): T {
  if (text.trim() === "") return empty;
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value) !== (kind === "list"))
    throw new Error(kind === "list" ? "This is a list: [ … ]." : "This is an object: { … }.");
  return value as T;
}

/** A field that nobody has typed into is no message. */
const isBlank = (message: DraftMessage | undefined): boolean => message?.plain === true && message.text === "";

/** The draft as it is sent, and what is wrong with it in words. */
export function read(draft: Draft): { asked: Read; wrong: Wrong } {
  const wrong: Wrong = {};
  const tried = <T>(name: string, make: () => T, otherwise: T): T => {
    try {
      return make();
    } catch (error) {
      wrong[name] = error instanceof Error ? error.message : String(error);
      return otherwise;
    }
  };
  const asked: Read = {
    messages: draft.messages
      .map((message, i) => tried(`message ${i + 1}`, () => messageOf(message), {}))
      .filter((_, i) => !isBlank(draft.messages[i])),
    parameters: tried("parameters", () => json<JsonObject>(draft.parameters, {}, "object"), {}),
    tools: tried("tools", () => json<JsonObject[]>(draft.tools, [], "list"), []),
    output_schema: tried("schema", () => json<JsonObject | null>(draft.schema, null, "object"), null),
    variables: tried("variables", () => json<JsonObject>(draft.variables, {}, "object"), {}),
  };
  return { asked, wrong };
}

/** A text that Jinja2 renders as it stands. */
export const asTemplate = (text: string): string => text.replace(/\{[{%#]/g, (open) => `{{ "${open}" }}`);

/** What an app's release put over the messages. */
export interface Adds {
  before: JsonObject[];
  after: JsonObject[];
  parameters: JsonObject;
  tools: JsonObject[];
  output_schema: JsonObject | null;
}

/** The draft as it was asked: with what the release put over it. */
function whole(draft: Draft, adds: Adds | null | undefined): Draft {
  if (!adds) return draft;
  const { asked } = read(draft);
  return {
    ...draft,
    messages: [...adds.before.map(draftMessage), ...draft.messages, ...adds.after.map(draftMessage)],
    parameters: print({ ...asked.parameters, ...adds.parameters }),
    tools: print(adds.tools.length > 0 ? adds.tools : asked.tools),
    schema: draft.schema || print(adds.output_schema),
  };
}

/** A prompt of these messages, whole: those that are text, in the roles a prompt may have; and what was left out. */
export function promptOf(own: Draft, adds?: Adds | null): { content: JsonObject; notes: string[] } {
  const draft = whole(own, adds);
  const { asked } = read(draft);
  const kept = draft.messages.filter((message) => message.plain);
  const left = draft.messages.length - kept.length;
  const notes =
    left > 0 ? [`Left out, because they are not text alone: ${left} of ${draft.messages.length} messages.`] : [];
  const content: JsonObject = {
    messages: kept.map((message) => ({ role: message.role, text: asTemplate(message.text) })),
    parameters: asked.parameters,
    tools: asked.tools,
  };
  if (asked.output_schema) content.output_schema = asked.output_schema;
  return { content, notes };
}

/** What was asked, as a case has it: a text where that is all, else messages with what belongs to them. */
export function caseInput(asked: Pick<Read, "messages" | "tools" | "variables">): unknown {
  const [first, ...more] = asked.messages;
  const rest: JsonObject = {};
  if (Object.keys(asked.variables).length > 0) rest.variables = asked.variables;
  if (asked.tools.length > 0) rest.tools = asked.tools;
  const alone = more.length === 0 && Object.keys(rest).length === 0 && first?.role === "user";
  if (alone && typeof first.content === "string" && Object.keys(first).length === 2) return first.content;
  return { messages: asked.messages, ...rest };
}
