import { describe, expect, it } from "vitest";
import { addText, hasValue, parseQuery, printQuery, removeTerm, setCompare, setOnly, toggleValue } from "./language";

const v = (...texts: string[]) => texts.map((text) => ({ text, quoted: false }));

describe("the search language", () => {
  it("reads fields, negation, groups, comparisons, phrases and words", () => {
    expect(parseQuery('model:gpt-4o -status:ok user:(ann OR "bob b") duration:>2000 "two words" refund')).toEqual([
      { kind: "field", key: "model", negated: false, values: v("gpt-4o") },
      { kind: "field", key: "status", negated: true, values: v("ok") },
      { kind: "field", key: "user", negated: false, values: [...v("ann"), { text: "bob b", quoted: true }] },
      { kind: "field", key: "duration", negated: false, values: v(">2000") },
      { kind: "text", text: "two words", quoted: true, negated: false },
      { kind: "text", text: "refund", negated: false },
    ]);
  });

  it("prints what it read", () => {
    for (const q of [
      "model:gpt-4o -status:ok",
      'user:("ann a" OR b*) cost:>0.01',
      '"a:b" word',
      'feature:"say \\"hi\\""',
      '-"not this"',
      'model:a "or" duration:>2 "s"',
      '"cost>0.01" !status:ok Meta.my-team:red',
      "- status:ok",
    ]) {
      expect(printQuery(parseQuery(q))).toBe(q);
    }
  });

  it("survives printing and reading for awkward values", () => {
    for (const value of [
      "a b",
      'q"uote',
      "back\\slash",
      "(paren)",
      "OR",
      "-dash",
      "ünïcode",
      "a:b",
      "openai/gpt-5",
      "a*b",
      ">5",
      "!urgent",
      "“told”",
    ]) {
      const q = toggleValue("", "feature", value);
      const [term] = parseQuery(q);
      expect(term).toMatchObject({ kind: "field", key: "feature", negated: false, values: [{ text: value }] });
      expect(hasValue(q, "feature", value)).toBe(true);
      expect(toggleValue(q, "feature", value)).toBe("");
    }
  });

  it("keeps quotes, which switch wildcards off", () => {
    expect(printQuery(parseQuery('model:"gpt*" name:gpt*'))).toBe('model:"gpt*" name:gpt*');
    expect(hasValue("model:a*", "model", "a*")).toBe(false);
    expect(printQuery(parseQuery("meta.team-name:red foo-bar:baz"))).toBe("meta.team-name:red foo-bar:baz");
  });

  it("reads alternatives written out in full as one term", () => {
    expect(printQuery(parseQuery("model:a OR model:b x"))).toBe("model:(a OR b) x");
  });

  it("keeps what is grouped, or joined by OR, as it was typed", () => {
    expect(parseQuery("a (user:x OR cost:>1) -(b c)")).toEqual([
      { kind: "text", text: "a", negated: false },
      { kind: "group", text: "(user:x OR cost:>1)", negated: false },
      { kind: "group", text: "(b c)", negated: true },
    ]);
    expect(addText("a OR user:x", "status:ok")).toBe("(a OR user:x) status:ok");
    expect(printQuery(parseQuery("a AND NOT status:ok"))).toBe("a -status:ok");
    expect(printQuery(parseQuery('"OR" "NOT" or'))).toBe('"OR" "NOT" or');
    expect(printQuery(parseQuery('(a "b)" OR c) d'))).toBe('(a "b)" OR c) d');
    expect(parseQuery("a OR")).toEqual([{ kind: "text", text: "a", negated: false }]);
  });

  it("never throws on unfinished text", () => {
    for (const q of ["model:", "model:(a OR", '"open', "-", ":", "model:()", "((", "a:b:c", ")"]) {
      expect(() => parseQuery(q)).not.toThrow();
    }
    expect(parseQuery("model:(a OR")).toEqual([{ kind: "field", key: "model", negated: false, values: v("a") }]);
    expect(parseQuery("http://x")).toEqual([{ kind: "field", key: "http", negated: false, values: v("//x") }]);
  });

  it("lets a facet join and leave the alternatives of its key", () => {
    let q = toggleValue("refund", "model", "a");
    q = toggleValue(q, "model", "b c");
    expect(q).toBe('refund model:(a OR "b c")');
    expect(hasValue(q, "model", "b c")).toBe(true);
    q = toggleValue(q, "model", "a");
    expect(q).toBe('refund model:"b c"');
    expect(toggleValue(q, "model", "b c")).toBe("refund");
  });

  it("keeps the other sign apart", () => {
    expect(toggleValue("model:a", "model", "b", true)).toBe("model:a -model:b");
  });

  it("adds, removes and replaces terms", () => {
    expect(addText("a", "model:x  b")).toBe("a model:x b");
    expect(removeTerm("a model:x b", 1)).toBe("a b");
    expect(setCompare("duration:>1 a", "duration", ">9")).toBe("a duration:>9");
    expect(setOnly("a -model:x model:(y OR z)", "model", "q")).toBe("a model:q");
  });
});
