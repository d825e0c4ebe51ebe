import { describe, expect, it } from "vitest";
import { csvRows, formatOf, guess, mapping, previewOf } from "./preview";

describe("a file before it comes in", () => {
  it("is known by its name", () => {
    expect(["a.CSV", "b.jsonl", "c.ndjson", "d.parquet", "e.xlsx"].map(formatOf)).toEqual([
      "csv",
      "jsonl",
      "jsonl",
      "parquet",
      null,
    ]);
  });
  it("reads commas, line ends and quotes in quotes", () => {
    expect(csvRows('a,b\r\n"x, y","say ""hi""\nthere"\nlast,', 9)).toEqual([
      ["a", "b"],
      ["x, y", 'say "hi"\nthere'],
      ["last", ""],
    ]);
  });
  it("shows only so many rows", () => {
    const { columns, rows } = previewOf("q,a\n1,2\n3,4\n5,6\n", "csv", 2);
    expect(columns).toEqual(["q", "a"]);
    expect(rows).toEqual([
      ["1", "2"],
      ["3", "4"],
    ]);
  });
  it("shows the columns of all rows of JSON lines", () => {
    expect(previewOf('\uFEFF{"input": "a"}\n\n{"input": {"x": 1}, "tags": ["t"]}\n', "jsonl")).toEqual({
      columns: ["input", "tags"],
      rows: [
        ["a", ""],
        ['{"x":1}', '["t"]'],
      ],
      problem: "",
    });
  });
  it("says which row is none", () => {
    expect(previewOf('{"input": "a"}\nnot json\n', "jsonl").problem).toBe(
      "Row 2 is not a JSON object: every line has to be one.",
    );
    expect(previewOf("", "csv").problem).toBe("The file is empty.");
  });
});

describe("columns", () => {
  it("are guessed by name, those that say so first", () => {
    expect(guess(["Question", "ideal", "expected", "notes"])).toEqual({ expected: "expected", input: "Question" });
    expect(guess(["messages", "text"])).toEqual({ messages: "messages" });
  });
  it("are told only where they are called otherwise", () => {
    expect(mapping({ input: "Question", expected: "expected", tags: "" })).toEqual(["input:Question"]);
  });
});
