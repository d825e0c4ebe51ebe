import { describe, expect, it } from "vitest";
import { SNIPPETS } from "./snippets";

describe("snippets", () => {
  it("carry this server's address and the chosen model, and no secret unless one was just made", () => {
    for (const snippet of SNIPPETS) {
      const text = snippet.render({ origin: "http://h:4600", model: "lab/fast", secret: null });
      expect(text).toContain("http://h:4600");
      if (!["env", "otlp"].includes(snippet.id)) expect(text).toContain("lab/fast");
      expect(text).toMatch(/TRIMTAB_API_KEY|your-trimtab-key/);
      expect(snippet.render({ origin: "http://h", model: "m", secret: "tt_s" })).toContain("tt_s");
    }
  });
  it("give Anthropic's client the address without /v1, which it adds itself", () => {
    const text = SNIPPETS.find((s) => s.id === "anthropic-python")?.render({
      origin: "http://h",
      model: "m",
      secret: null,
    });
    expect(text).toContain('base_url="http://h"');
  });
});
