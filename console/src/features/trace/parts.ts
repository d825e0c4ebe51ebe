import type { JsonObject, MessageView } from "@/api/types";

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** JSON text with line breaks where it is JSON; as it is where the model wrote something else. */
export function prettyJson(raw: unknown): string {
  if (typeof raw !== "string") return JSON.stringify(raw, null, 2) ?? "";
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return raw;
  }
}

export function imageSource(part: JsonObject): { src: string; remote: boolean } {
  const data = text(part.data);
  if (data) return { src: `data:${text(part.media_type) || "image/png"};base64,${data}`, remote: false };
  const url = text(part.url);
  return { src: url, remote: !url.startsWith("data:") };
}

/** A message as plain text, for the clipboard. */
export function messageText(message: MessageView): string {
  return message.parts.map(partText).filter(Boolean).join("\n");
}

function partText(part: JsonObject): string {
  switch (part.type) {
    case "text":
    case "refusal":
    case "reasoning":
      return text(part.text);
    case "tool_call":
      return `${text(part.name)}(${text(part.arguments)})`;
    case "tool_result":
      return resultParts(part).map(partText).join("\n");
    case "image":
      return text(part.url) || "[image]";
    default:
      return JSON.stringify(part);
  }
}

export function resultParts(part: JsonObject): JsonObject[] {
  return Array.isArray(part.parts) ? (part.parts as JsonObject[]) : [];
}
