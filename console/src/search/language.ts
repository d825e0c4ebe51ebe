/**
 * The search language as the console handles it: text <-> terms, so that the search bar, the chips and the facets are
 * three views of one string, and that string is the `q` of the address and of the API.
 *
 *   model:gpt-4o-mini   -status:ok   model:(a OR b*)   duration:>2000   "two words"   refund   (user:a OR cost:>1)
 *
 * Conditions that are grouped, or joined by OR, are one term that is kept as it was typed.
 */

export interface Value {
  /** As typed after the colon, without quotes. Comparisons keep their sign: `>2000`. */
  text: string;
  /** Was quoted: means itself, without wildcards and signs. */
  quoted: boolean;
}
export interface FieldTerm {
  kind: "field";
  key: string;
  negated: boolean;
  /** Alternatives of each other. */
  values: Value[];
}
export interface TextTerm {
  kind: "text";
  text: string;
  /** Was quoted, and stays so: the server refuses words that look like a slip, e.g. `or` beside a condition. */
  quoted?: boolean;
  negated: boolean;
}
/** Conditions in parentheses; `text` holds them, parentheses and all. */
export interface GroupTerm {
  kind: "group";
  text: string;
  negated: boolean;
}
export type Term = FieldTerm | TextTerm | GroupTerm;
/** A bare OR, AND or NOT. */
interface Joint {
  kind: "joint";
  text: string;
}

const KEY = /^((?:meta|metadata|score)\.[^\s:"()]+|[a-z_][a-z0-9_.]*)$/i;
const JOINTS = new Set(["OR", "AND", "NOT"]);

class Scanner {
  at = 0;
  constructor(readonly text: string) {}

  skipSpace() {
    while (this.at < this.text.length && /\s/.test(this.text.charAt(this.at))) this.at++;
  }
  get done() {
    return this.at >= this.text.length;
  }
  peek() {
    return this.text.charAt(this.at);
  }
  /** A quoted string (backslash escapes) or everything up to white space or one of `stops`. An open quote runs to the end. */
  word(stops: string): string {
    if (this.peek() === '"') return this.quoted();
    let out = "";
    while (!this.done && !/\s/.test(this.peek()) && !stops.includes(this.peek())) {
      out += this.peek();
      this.at++;
    }
    return out;
  }
  /** What is in parentheses, with them; null where they are not closed. */
  group(): string | null {
    const start = this.at;
    let depth = 0;
    while (!this.done) {
      const c = this.peek();
      if (c === '"') {
        this.quoted();
        continue;
      }
      this.at++;
      if (c === "(") depth++;
      else if (c === ")" && --depth === 0) return this.text.slice(start, this.at);
    }
    this.at = start;
    return null;
  }
  private quoted(): string {
    this.at++;
    let out = "";
    while (!this.done && this.peek() !== '"') {
      if (this.peek() === "\\" && this.at + 1 < this.text.length) this.at++;
      out += this.peek();
      this.at++;
    }
    this.at++;
    return out;
  }
}

function readValue(scanner: Scanner, stops: string): Value | null {
  const quoted = scanner.peek() === '"';
  const text = scanner.word(stops);
  return text ? { text, quoted } : null;
}

function readGroup(scanner: Scanner): Value[] {
  scanner.at++;
  const values: Value[] = [];
  while (!scanner.done) {
    scanner.skipSpace();
    if (scanner.done) break;
    if (scanner.peek() === ")") {
      scanner.at++;
      break;
    }
    const before = scanner.at;
    const value = readValue(scanner, '")(');
    if (value && (value.quoted || value.text.toUpperCase() !== "OR")) values.push(value);
    if (scanner.at === before) scanner.at++;
  }
  return values;
}

function readTerm(scanner: Scanner): Term | Joint | null {
  let negated = false;
  if (
    scanner.peek() === "-" &&
    scanner.at + 1 < scanner.text.length &&
    !/\s/.test(scanner.text.charAt(scanner.at + 1))
  ) {
    negated = true;
    scanner.at++;
  }
  if (scanner.peek() === '"') {
    const text = scanner.word("");
    return text ? { kind: "text", text, quoted: true, negated } : null;
  }
  const start = scanner.at;
  if (scanner.peek() === "(") {
    const text = scanner.group();
    if (text) return /[^\s()]/.test(text) ? { kind: "group", text, negated } : null;
  }
  const head = scanner.word(':"(');
  if (scanner.peek() === ":" && KEY.test(head)) {
    scanner.at++;
    const one = scanner.peek() === "(" ? null : readValue(scanner, "");
    const values = scanner.peek() === "(" && !one ? readGroup(scanner) : one ? [one] : [];
    return values.length > 0 ? { kind: "field", key: head, negated, values } : null;
  }
  scanner.at = start;
  const text = scanner.word("");
  if (!negated && JOINTS.has(text)) return { kind: "joint", text };
  return text ? { kind: "text", text, negated } : null;
}

/** Reads any text; what is unfinished (`model:`) is left out. Never throws. */
export function parseQuery(text: string): Term[] {
  const scanner = new Scanner(text);
  const terms: (Term | Joint)[] = [];
  for (;;) {
    scanner.skipSpace();
    if (scanner.done) break;
    const before = scanner.at;
    const term = readTerm(scanner);
    if (term) {
      const last = terms.at(-1);
      const joined = term.kind === "field" && isOr(last) && joinAlternatives(terms.slice(0, -1), term);
      if (joined) terms.splice(0, terms.length, ...joined);
      else terms.push(term);
    }
    if (scanner.at === before) scanner.at++;
  }
  return withoutJoints(terms, text);
}

const isOr = (term: Term | Joint | undefined) => term?.kind === "joint" && term.text === "OR";

/** AND says what stands side by side says already, NOT is the next one's minus; where an OR is left, all is one group. */
function withoutJoints(terms: (Term | Joint)[], text: string): Term[] {
  const found: Term[] = [];
  let negated = false;
  for (const [i, term] of terms.entries()) {
    if (isOr(term) && i > 0 && i < terms.length - 1)
      return [{ kind: "group", text: `(${text.trim()})`, negated: false }];
    if (term.kind !== "joint") {
      found.push(negated ? { ...term, negated: !term.negated } : term);
      negated = false;
    } else if (term.text === "NOT") negated = !negated;
  }
  return found;
}

/** `model:a OR model:b` is one term with two values. */
function joinAlternatives(terms: (Term | Joint)[], next: FieldTerm): (Term | Joint)[] | null {
  const last = terms.at(-1);
  if (last?.kind !== "field" || last.key !== next.key || last.negated !== next.negated) return null;
  return [...terms.slice(0, -1), { ...last, values: [...last.values, ...next.values] }];
}

/** A value that means exactly this text. */
export function literal(text: string): Value {
  const plain =
    text !== "" &&
    text.toUpperCase() !== "OR" &&
    !/[\s"()\\*]/.test(text) &&
    !/^[-<>=!“”„‟«»]|[“”„‟«»]$/.test(text) &&
    !text.includes("..");
  return { text, quoted: !plain };
}

const quote = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;

export function printTerm(term: Term): string {
  const sign = term.negated ? "-" : "";
  if (term.kind === "group") return sign + term.text;
  if (term.kind === "text") {
    // A colon or a lone dash is left: what looks like a slip, as `!status:ok`, is the server's to refuse.
    const needsQuotes = term.quoted || /[\s"()\\]|^-./.test(term.text) || JOINTS.has(term.text);
    return sign + (needsQuotes ? quote(term.text) : term.text);
  }
  const values = term.values.map((v) => (v.quoted ? quote(v.text) : v.text));
  return `${sign}${term.key}:${values.length === 1 ? values[0] : `(${values.join(" OR ")})`}`;
}

export const printQuery = (terms: Term[]): string => terms.map(printTerm).join(" ");

/** Text typed after what is there already; fields of the same key and sign are joined as alternatives only by a facet. */
export function addText(q: string, text: string): string {
  return printQuery([...parseQuery(q), ...parseQuery(text)]);
}

export function removeTerm(q: string, index: number): string {
  return printQuery(parseQuery(q).filter((_, i) => i !== index));
}

const means = (value: Value, text: string) => value.text === text && (value.quoted || !literal(text).quoted);

export function hasValue(q: string, key: string, value: string, negated = false): boolean {
  return parseQuery(q).some(
    (t) => t.kind === "field" && t.key === key && t.negated === negated && t.values.some((v) => means(v, value)),
  );
}

/** A facet's click: the value joins or leaves the alternatives of its key. */
export function toggleValue(q: string, key: string, value: string, negated = false): string {
  const terms = parseQuery(q);
  if (hasValue(q, key, value, negated)) {
    return printQuery(
      terms.flatMap((t) => {
        if (t.kind !== "field" || t.key !== key || t.negated !== negated) return [t];
        const values = t.values.filter((v) => !means(v, value));
        return values.length > 0 ? [{ ...t, values }] : [];
      }),
    );
  }
  const at = terms.findIndex((t) => t.kind === "field" && t.key === key && t.negated === negated);
  const found = terms[at];
  if (found?.kind === "field") terms[at] = { ...found, values: [...found.values, literal(value)] };
  else terms.push({ kind: "field", key, negated, values: [literal(value)] });
  return printQuery(terms);
}

function replaceKey(q: string, key: string, value: Value): string {
  const kept = parseQuery(q).filter((t) => t.kind !== "field" || t.key !== key);
  return printQuery([...kept, { kind: "field", key, negated: false, values: [value] }]);
}

/** Replaces whatever was asked of a key by exactly one value. */
export const setOnly = (q: string, key: string, value: string) => replaceKey(q, key, literal(value));

/** The same with a comparison, e.g. `>2000`. */
export const setCompare = (q: string, key: string, comparison: string) =>
  replaceKey(q, key, { text: comparison, quoted: false });
