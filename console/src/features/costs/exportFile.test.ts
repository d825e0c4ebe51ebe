import { describe, expect, it } from "vitest";
import { columnsOf, decode, guess } from "./exportFile";

describe("a provider's export", () => {
  it("is read as spreadsheets save it", () => {
    const bytes = (...of: number[]) => new Uint8Array(of).buffer;
    expect(decode(bytes(0x64, 0xc3, 0xa9))).toBe("dé");
    expect(decode(bytes(0x64, 0xe9))).toBe("dé"); // Windows
    expect(decode(bytes(0xff, 0xfe, 0x64, 0, 0xe9, 0))).toBe("dé");
    expect(decode(bytes(0xfe, 0xff, 0, 0x64))).toBe("d");
  });

  it("names its columns, whatever stands between them", () => {
    expect(columnsOf('Date,"Cost (USD), net",Model\n1,2,3')).toEqual(["Date", "Cost (USD), net", "Model"]);
    expect(columnsOf("sep=;\r\nTag;Betrag\r\n")).toEqual(["Tag", "Betrag"]);
    expect(columnsOf("\uFEFFday\tmodel")).toEqual(["day", "model"]);
    expect(columnsOf('a,"say ""b"""')).toEqual(["a", 'say "b"']);
    expect(columnsOf('{"data": []}')).toEqual([]);
    expect(columnsOf("")).toEqual([]);
  });

  it("guesses what they are, each column once", () => {
    const columns = ["Date", "Model", "Requests", "Input tokens", "Cached input tokens", "Output tokens", "Cost (USD)"];
    expect(guess(columns)).toEqual({
      day: "Date",
      model: "Model",
      requests: "Requests",
      input: "Input tokens",
      cache_read: "Cached input tokens",
      output: "Output tokens",
      cost: "Cost (USD)",
    });
    expect(guess(["a", ""])).toEqual({});
  });
});
