import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { curlOf, frontOf } from "./curl";

describe("copy as curl", () => {
  it("gives the shell back exactly the body, quotes and all", () => {
    const body = `{"messages":[{"role":"user","content":"it's $HOME \\"x\\" \`y\`\\n"}],"stream":true}`;
    const text = curlOf("http://127.0.0.1:4600", "openai_chat", body);
    const shell = `curl() { for a in "$@"; do printf '%s\\0' "$a"; done; }; TRIMTAB_API_KEY=k; ${text}`;
    const args = execFileSync("sh", ["-c", shell]).toString().split("\0");
    expect(args[0]).toBe("http://127.0.0.1:4600/v1/chat/completions");
    expect(args).toContain("authorization: Bearer k");
    expect(args).toContain("--no-buffer");
    expect(args.at(-2)).toBe(body);
  });
  it("goes to the front that speaks the body's dialect", () => {
    expect(curlOf("http://h", "anthropic_messages", "{}")).toContain("x-api-key: $TRIMTAB_API_KEY");
    expect(frontOf("anthropic_messages")).toBe("anthropic_messages");
    expect(frontOf("bedrock_converse")).toBeNull();
  });
});
