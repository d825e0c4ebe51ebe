import { describe, expect, it } from "vitest";
import { callsOf, dayWindow, isDigest } from "./calls";

describe("from a row of the books to its calls", () => {
  it("says a dimension in the words of the search of traces", () => {
    expect(callsOf("", "feature", "chat")).toBe("feature:chat attempts:>0");
    expect(callsOf("", "model", "gpt-4o")).toBe("model_used:gpt-4o attempts:>0");
    expect(callsOf("", "asked", "smart")).toBe("model:smart attempts:>0");
    expect(callsOf("", "tag", "segment:pro")).toBe("tag:segment:pro attempts:>0");
    expect(callsOf("", "segment", "pro")).toBe("(meta.segment:pro OR tag:segment:pro) attempts:>0");
  });
  it("quotes what would mean something else", () => {
    expect(callsOf("", "user", "ann smith")).toBe('user:"ann smith" attempts:>0');
    expect(callsOf("", "user", "a*")).toBe('user:"a*" attempts:>0');
  });
  it("keeps the filter where both languages have the key", () => {
    expect(callsOf("feature:chat -user:ann", "key", "key_1")).toBe("feature:chat -user:ann key:key_1 attempts:>0");
    expect(callsOf("model:gpt-4o", "feature", "chat")).toBeNull();
    expect(callsOf("outcome:cancel", "feature", "chat")).toBeNull();
  });
  it("leads nowhere rather than elsewhere", () => {
    expect(callsOf("", "price", "override:x")).toBeNull();
    expect(callsOf("", "name", "steady")).toBeNull();
    expect(callsOf("", "feature", "")).toBeNull();
  });
  it("knows a day's window, and a digest from a name", () => {
    expect(dayWindow("1970-01-02")).toEqual({ start: "86400000", end: "172800000" });
    expect(dayWindow("soon")).toBeNull();
    expect(isDigest("1de18cbe97d8")).toBe(true);
    expect(isDigest("search-prompt")).toBe(false);
  });
});
