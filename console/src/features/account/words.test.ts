import { describe, expect, it } from "vitest";
import { deviceOf, endOf, methodOf } from "./words";

const EDGE =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0";
const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/604.1";

describe("one's sessions", () => {
  it("are told apart by browser and system, the more particular name first", () => {
    expect(deviceOf({ kind: "browser", agent: EDGE })).toBe("Edge on Windows");
    expect(deviceOf({ kind: "browser", agent: IPHONE })).toBe("Safari on iOS");
    expect(deviceOf({ kind: "cli", agent: "trimtab/1.0" })).toBe("Command line");
  });
  it("of what is not known are told by what it says of itself", () => {
    expect(deviceOf({ kind: "browser", agent: "curl/8.0" })).toBe("curl/8.0");
    expect(deviceOf({ kind: "browser", agent: "" })).toBe("A browser");
  });
  it("say how somebody came in", () => {
    expect(["key", "key+totp", "link", "oidc:company"].map(methodOf)).toEqual([
      "with a key",
      "with a key and a code",
      "with a login link",
      "with company",
    ]);
  });
  it("end at whichever comes first", () => {
    expect(endOf({ expires: 10, idle_ends: 7 })).toBe(7);
    expect(endOf({ expires: 5, idle_ends: 7 })).toBe(5);
  });
});
