/** Two texts word by word: what both have, what only the first has, what only the second has. */

export interface Piece {
  kind: "same" | "removed" | "added";
  text: string;
}

/** Above this many words on either side whole lines are compared: the table grows with the product. */
const MOST_WORDS = 1_500;
const MOST_LINES = 2_000;

export function diffText(a: string, b: string): Piece[] {
  if (a === b) return a === "" ? [] : [{ kind: "same", text: a }];
  const words = [split(a), split(b)] as const;
  if (words[0].length <= MOST_WORDS && words[1].length <= MOST_WORDS) return diff(words[0], words[1]);
  const lines = [a.split(/(?<=\n)/), b.split(/(?<=\n)/)] as const;
  if (lines[0].length <= MOST_LINES && lines[1].length <= MOST_LINES) return diff(lines[0], lines[1]);
  return [
    { kind: "removed", text: a },
    { kind: "added", text: b },
  ];
}

const split = (text: string): string[] => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];

/** The longest common subsequence; equal ends are taken first, which is most of two similar texts. */
function diff(a: readonly string[], b: readonly string[]): Piece[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const pieces: Piece[] = [];
  push(pieces, "same", a.slice(0, head));
  middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail), pieces);
  push(pieces, "same", a.slice(a.length - tail));
  return whole(pieces);
}

/** Nothing but a blank between two changes is part of them: what went and what came are read as wholes, not by turns. */
function whole(pieces: readonly Piece[]): Piece[] {
  const out: Piece[] = [];
  for (let i = 0; i < pieces.length; i++) {
    const first = pieces[i] as Piece;
    if (first.kind === "same") {
      out.push(first);
      continue;
    }
    const text = { removed: "", added: "" };
    for (; i < pieces.length; i++) {
      const { kind, text: more } = pieces[i] as Piece;
      if (kind !== "same") text[kind] += more;
      else if (more.trim() === "" && i + 1 < pieces.length) {
        text.removed += more;
        text.added += more;
      } else break;
    }
    i--;
    if (text.removed) out.push({ kind: "removed", text: text.removed });
    if (text.added) out.push({ kind: "added", text: text.added });
  }
  return out;
}

function middle(a: readonly string[], b: readonly string[], pieces: Piece[]) {
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => longest[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      push(pieces, "same", [a[i++] as string]);
      j++;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1)))
      push(pieces, "removed", [a[i++] as string]);
    else push(pieces, "added", [b[j++] as string]);
  }
}

function push(pieces: Piece[], kind: Piece["kind"], tokens: readonly string[]) {
  if (tokens.length === 0) return;
  const last = pieces.at(-1);
  if (last?.kind === kind) last.text += tokens.join("");
  else pieces.push({ kind, text: tokens.join("") });
}

/** Names and values of two sets of parameters that are not the same; a value that one does not have is "–". */
export function diffParams(a: Record<string, unknown>, b: Record<string, unknown>): [string, string, string][] {
  const print = (value: unknown) =>
    value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value);
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .sort()
    .map((name): [string, string, string] => [name, print(a[name]), print(b[name])])
    .filter(([, one, other]) => one !== other);
}
