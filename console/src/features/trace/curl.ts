/** A call as the command that makes it again. The key is a variable: secrets do not travel by clipboard. */

const quoteShell = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

export type Front = "openai_chat" | "anthropic_messages";

/** The front that reads bodies of this dialect, or null for one that no front of ours speaks. */
export function frontOf(dialect: string): Front | null {
  return dialect === "openai_chat" || dialect === "anthropic_messages" ? dialect : null;
}

export function curlOf(origin: string, front: Front, body: string): string {
  const lines =
    front === "anthropic_messages"
      ? [`curl ${origin}/v1/messages`, `  -H "x-api-key: $TRIMTAB_API_KEY"`, `  -H "anthropic-version: 2023-06-01"`]
      : [`curl ${origin}/v1/chat/completions`, `  -H "authorization: Bearer $TRIMTAB_API_KEY"`];
  const stream = /"stream"\s*:\s*true/.test(body) ? ["  --no-buffer"] : [];
  return [...lines, `  -H "content-type: application/json"`, ...stream, `  -d ${quoteShell(body)}`].join(" \\\n");
}
