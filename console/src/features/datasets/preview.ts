/** The first rows of a file, read in the browser, so that one sees what would come in before it does. */

export type Format = "csv" | "jsonl" | "parquet";

export const FIELDS = [
  "input",
  "expected",
  "messages",
  "context",
  "id",
  "split",
  "tags",
  "group",
  "weight",
  "licence",
  "uses",
] as const;

export function formatOf(name: string): Format | null {
  const end = name.toLowerCase().split(".").pop() ?? "";
  if (end === "csv" || end === "tsv") return end === "csv" ? "csv" : null;
  if (end === "jsonl" || end === "ndjson") return "jsonl";
  return end === "parquet" ? "parquet" : null;
}

export interface Preview {
  columns: string[];
  rows: string[][];
  /** What is wrong with the rows that were looked at. */
  problem: string;
}

/** RFC 4180: fields in quotes may hold commas, line ends and doubled quotes. The last row may be cut off. */
export function csvRows(text: string, most: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let quoted = false;
  for (let i = 0; i < text.length && rows.length < most; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') {
        field += '"';
        i++;
      } else quoted = false;
    } else if (c === '"' && field === "") quoted = true;
    else if (c === ",") {
      row.push(field);
      field = "";
    } else if (c === "\n" || c === "\r") {
      if (c === "\r" && text[i + 1] === "\n") i++;
      row.push(field);
      field = "";
      if (row.length > 1 || row[0] !== "") rows.push(row);
      row = [];
    } else field += c;
  }
  if (rows.length < most && (field !== "" || row.length > 0)) rows.push([...row, field]);
  return rows;
}

export function previewOf(text: string, format: Format, most = 5): Preview {
  const clean = text.replace(/^\uFEFF/, "");
  if (format === "parquet") return { columns: [], rows: [], problem: "" };
  if (format === "csv") {
    const [columns = [], ...rows] = csvRows(clean, most + 1);
    return { columns, rows, problem: columns.length === 0 ? "The file is empty." : "" };
  }
  return jsonPreview(clean, most);
}

function jsonPreview(text: string, most: number): Preview {
  const columns: string[] = [];
  const found: Record<string, unknown>[] = [];
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  for (const [i, line] of lines.slice(0, most).entries()) {
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("no object");
      found.push(value as Record<string, unknown>);
      for (const name of Object.keys(value)) if (!columns.includes(name)) columns.push(name);
    } catch {
      return {
        columns,
        rows: rowsOf(found, columns),
        problem: `Row ${i + 1} is not a JSON object: every line has to be one.`,
      };
    }
  }
  return { columns, rows: rowsOf(found, columns), problem: lines.length === 0 ? "The file is empty." : "" };
}

const rowsOf = (found: Record<string, unknown>[], columns: string[]): string[][] =>
  found.map((row) =>
    columns.map((name) =>
      row[name] === undefined ? "" : typeof row[name] === "string" ? (row[name] as string) : JSON.stringify(row[name]),
    ),
  );

const KNOWN: Record<string, string> = {
  question: "input",
  prompt: "input",
  query: "input",
  user: "input",
  text: "input",
  answer: "expected",
  reference: "expected",
  target: "expected",
  output: "expected",
  label: "expected",
  ideal: "expected",
  ground_truth: "expected",
  documents: "context",
  source: "context",
  tag: "tags",
};

/** Which column is which field: those that say so, then those that usually mean it. */
export function guess(columns: readonly string[]): Record<string, string> {
  const out: Record<string, string> = {};
  for (const column of columns) {
    const bare = column.trim().toLowerCase();
    if ((FIELDS as readonly string[]).includes(bare)) out[bare] = column;
  }
  for (const column of columns) {
    const field = KNOWN[column.trim().toLowerCase()];
    if (field && out[field] === undefined && !(field === "input" && out.messages)) out[field] = column;
  }
  return out;
}

/** What the server has to be told: columns that are not called as the field is. */
export function mapping(chosen: Record<string, string>): string[] {
  return Object.entries(chosen)
    .filter(([field, column]) => column !== "" && column !== field)
    .map(([field, column]) => `${field}:${column}`);
}
