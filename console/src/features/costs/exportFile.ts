/** A provider's usage export as a file of the reader's: its text, its columns, and what they may be. */

export type Vendor = "openai" | "anthropic" | "generic";

export const VENDORS: { value: Vendor; label: string }[] = [
  { value: "openai", label: "OpenAI, Azure: usage or costs" },
  { value: "anthropic", label: "Anthropic: usage or cost report" },
  { value: "generic", label: "Any CSV, by its columns" },
];

/** What a CSV's columns may be, and how they are called in most. */
export const FIELDS = {
  day: { label: "Day", names: /^(usage[ _]?)?(day|date|start|start[ _]time|tag|datum)/i },
  model: { label: "Model", names: /model/i },
  requests: { label: "Calls", names: /^(num[ _])?(calls|requests|anfragen)/i },
  input: { label: "Input tokens", names: /(input|prompt)(?!.*cache)/i },
  cache_read: { label: "Tokens read from a cache", names: /cache.*(read|hit)|cached/i },
  cache_write: { label: "Tokens written to a cache", names: /cache.*(writ|creat)/i },
  output: { label: "Output tokens", names: /output|completion/i },
  cost: { label: "Cost (US dollars)", names: /cost|amount|spend|usd|price|betrag/i },
} as const;
export type Field = keyof typeof FIELDS;
export const FIELD_NAMES = Object.keys(FIELDS) as Field[];

/** As spreadsheets save it: UTF-8, UTF-16 with its mark, or else Windows' Western characters. */
export function decode(bytes: ArrayBuffer): string {
  const view = new Uint8Array(bytes);
  if (view[0] === 0xff && view[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (view[0] === 0xfe && view[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** The columns of a CSV; none of JSON, or of what has no header. */
export function columnsOf(text: string): string[] {
  const clean = text.replace(/^\uFEFF/, "").trimStart();
  if (clean.startsWith("{") || clean.startsWith("[")) return [];
  const lines = clean.split(/\r?\n/, 2);
  const said = /^"?sep=(.)"?$/i.exec(lines[0] ?? "");
  const head = (said ? lines[1] : lines[0]) ?? "";
  const between = said?.[1] ?? [";", "\t", ","].find((sign) => head.includes(sign));
  return between === undefined ? [] : cells(head, between);
}

/** One row; a cell in quotes may hold what stands between cells, and doubled quotes. */
function cells(row: string, between: string): string[] {
  const found: string[] = [];
  let cell = "";
  let quoted = false;
  for (let i = 0; i < row.length; i++) {
    const sign = row[i];
    if (sign === '"' && quoted && row[i + 1] === '"') {
      cell += sign;
      i++;
    } else if (sign === '"') quoted = !quoted;
    else if (sign === between && !quoted) {
      found.push(cell.trim());
      cell = "";
    } else cell += sign;
  }
  return [...found, cell.trim()];
}

/** Which column is which, as far as their names tell; each column is one thing at most. */
export function guess(columns: string[]): Partial<Record<Field, string>> {
  const left = new Set(columns.filter(Boolean));
  const found: Partial<Record<Field, string>> = {};
  // What says more by its name chooses first: "cached input tokens" is no input.
  for (const field of ["cache_read", "cache_write", "day", "model", "requests", "input", "output", "cost"] as const) {
    const column = [...left].find((each) => FIELDS[field].names.test(each));
    if (column === undefined) continue;
    found[field] = column;
    left.delete(column);
  }
  return found;
}
