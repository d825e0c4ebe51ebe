/** A prompt's file as CodeMirror reads it: front matter, role lines, and Jinja2 in the text. */

import { HighlightStyle, type StreamParser, type StringStream, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";

export interface State {
  /** Where the line is: front matter is only at the top of the file. */
  part: "start" | "front" | "body";
  /** Inside of a tag that goes on: `{{`, `{%` or `{#`. */
  inside: "" | "{{" | "{%" | "{#";
}

const CLOSE = { "{{": "}}", "{%": "%}", "{#": "#}" } as const;
const ROLE = /^@(?:(?:system|developer|user|assistant)|messages[ \t]+[A-Za-z]\w*)[ \t]*$/;
const WORDS = new Set(
  "if elif else endif for endfor in set endset with endwith macro endmacro filter endfilter raw endraw include is not and or true false none".split(
    " ",
  ),
);

function front(stream: StringStream): string | null {
  if (stream.match(/^\s*#.*/)) return "comment";
  if (stream.match(/^\s*(?:- )?[\w.-]+(?=:)/)) return "propertyName";
  if (stream.match(/^"(?:[^"\\]|\\.)*"/) || stream.match(/^'[^']*'/)) return "string";
  if (stream.match(/^-?\d+(?:\.\d+)?\b/)) return "number";
  if (stream.match(/^(?:true|false|null)\b/)) return "bool";
  if (stream.match(/^[\w.-]+(?=:\s)/)) return "propertyName";
  if (stream.match(/^[\w.-]+/)) return null;
  stream.next();
  return null;
}

function inTag(stream: StringStream, state: State): string | null {
  const open = state.inside as keyof typeof CLOSE;
  if (stream.match(/^[-+]?[}%#]}/)) {
    state.inside = "";
    return "keyword";
  }
  if (open === "{#") {
    if (!stream.skipTo("#}")) stream.skipToEnd();
    return "comment";
  }
  if (stream.match(/^"(?:[^"\\]|\\.)*"/) || stream.match(/^'(?:[^'\\]|\\.)*'/)) return "string";
  if (stream.match(/^\d+(?:\.\d+)?/)) return "number";
  const word = stream.match(/^[A-Za-z_]\w*/) as RegExpMatchArray | null;
  if (word) return WORDS.has(word[0]) ? "keyword" : "variableName";
  stream.next();
  return null;
}

function body(stream: StringStream, state: State): string | null {
  if (stream.sol() && ROLE.test(stream.string)) {
    stream.skipToEnd();
    return "heading";
  }
  for (const open of ["{{", "{%", "{#"] as const) {
    if (stream.match(open)) {
      state.inside = open;
      stream.match(/^[-+]/);
      return open === "{#" ? "comment" : "keyword";
    }
  }
  stream.next();
  stream.match(/^[^{]+/);
  return null;
}

export const PROMPT: StreamParser<State> = {
  name: "prompt",
  startState: () => ({ part: "start", inside: "" }),
  copyState: (state) => ({ ...state }),
  token(stream, state) {
    if (stream.sol() && state.part !== "body" && /^---\s*$/.test(stream.string)) {
      state.part = state.part === "start" ? "front" : "body";
      stream.skipToEnd();
      return "meta";
    }
    if (state.part === "start") state.part = "body";
    if (state.part === "front") return front(stream);
    return state.inside ? inTag(stream, state) : body(stream, state);
  },
};

/** The colours of the console, light and dark alike. */
export const COLOURS = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.heading, color: "var(--accent)", fontWeight: "650" },
    { tag: tags.meta, color: "var(--text-3)" },
    { tag: tags.comment, color: "var(--text-3)", fontStyle: "italic" },
    { tag: tags.propertyName, color: "var(--k-find)" },
    { tag: tags.string, color: "var(--good)" },
    { tag: [tags.number, tags.bool], color: "var(--k-agent)" },
    { tag: tags.keyword, color: "var(--k-agent)" },
    { tag: tags.variableName, color: "var(--k-tool)" },
  ]),
);
