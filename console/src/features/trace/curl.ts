/** A call as the command that makes it again. The key is a variable: secrets do not travel by clipboard. */

const quoteShell = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

export type Front = "openai_chat" | "anthropic_messages";

/** Which front a request body is of. `hint` is the span's name or its dialect where that is told. */
export function frontOf(body: string, hint: string): Front {
  if (/anthropic|messages/.test(hint)) return "anthropic_messages";
  if (/openai|chat/.test(hint)) return "openai_chat";
  // Only Anthropic's bodies have `system` beside the messages.
  return /"system"\s*:\s*["[]/.test(body) && /"max_tokens"/.test(body) ? "anthropic_messages" : "openai_chat";
}

export function curlOf(origin: string, front: Front, body: string): string {
  const lines =
    front === "anthropic_messages"
      ? [`curl ${origin}/v1/messages`, `  -H "x-api-key: $TRIMTAB_API_KEY"`, `  -H "anthropic-version: 2023-06-01"`]
      : [`curl ${origin}/v1/chat/completions`, `  -H "authorization: Bearer $TRIMTAB_API_KEY"`];
  const stream = /"stream"\s*:\s*true/.test(body) ? ["  --no-buffer"] : [];
  return [...lines, `  -H "content-type: application/json"`, ...stream, `  -d ${quoteShell(body)}`].join(" \\\n");
}
