/**
 * A JSON object of which one field is a list of thousands, read as it comes: 25 MB of spans parsed in one go held the page
 * for a tenth of a second, after their bytes had been made text for another. Everything else of the object is small, and
 * is parsed at the end.
 */

import { Pace } from "./slices";

/** Characters of the list that are parsed together. */
const PORTION = 64 * 1024;
/** Bytes that are made text together: a stream may hand over all it has. */
const PIECE = 128 * 1024;

/** How far before the list its field's name is. */
const NEAR = 200;

const QUOTE = 34;
const BACKSLASH = 92;
const OPENS = new Set([91, 123]);
const CLOSES = new Set([93, 125]);
const COMMA = 44;

export class RowReader<T> {
  private readonly rows: T[] = [];
  private readonly begins: RegExp;
  private where: "before" | "within" | "after" = "before";
  private around = "";
  /** Of the list: what is not parsed yet, and how far it has been looked at. */
  private text = "";
  private at = 0;
  private from = 0;
  private depth = 0;
  private quoted = false;
  private escaped = false;

  /** `field`: of the outermost object, the one whose value is the list. */
  constructor(private readonly field: string) {
    this.begins = new RegExp(`"${field}"\\s*:\\s*$`);
  }

  /** The next piece of the text. Throws `SyntaxError` for what is no JSON. */
  feed(piece: string) {
    if (this.where === "after") {
      this.around += piece;
      return;
    }
    this.text += piece;
    this.look();
  }

  /** The object, once all was fed. Throws `SyntaxError` for what is no JSON, or ends early. */
  done(): object {
    if (this.where === "within") throw new SyntaxError(`The list "${this.field}" does not end.`);
    const whole = JSON.parse(this.where === "before" ? this.text : this.around) as Record<string, unknown>;
    if (this.where === "after") whole[this.field] = this.rows;
    return whole;
  }

  private look() {
    const { text } = this;
    let { at, quoted, escaped, depth } = this;
    for (; at < text.length; at++) {
      const c = text.charCodeAt(at);
      if (quoted) {
        if (escaped) escaped = false;
        else if (c === BACKSLASH) escaped = true;
        else if (c === QUOTE) quoted = false;
      } else if (c === QUOTE) quoted = true;
      else if (OPENS.has(c)) {
        if (this.where === "before" && depth === 1 && this.begins.test(text.slice(Math.max(0, at - NEAR), at))) {
          this.where = "within";
          this.around = `${text.slice(0, at)}[]`;
          this.from = at + 1;
        }
        depth++;
      } else if (CLOSES.has(c)) {
        depth--;
        if (this.where === "within" && depth === 1) {
          this.take(at);
          this.where = "after";
          this.around += text.slice(at + 1);
          this.text = "";
          return;
        }
      } else if (c === COMMA && this.where === "within" && depth === 2 && at - this.from > PORTION) {
        this.take(at);
        this.from = at + 1;
      }
    }
    if (this.where === "within") {
      this.text = text.slice(this.from);
      at -= this.from;
      this.from = 0;
    }
    Object.assign(this, { at, quoted, escaped, depth });
  }

  private take(to: number) {
    for (const row of JSON.parse(`[${this.text.slice(this.from, to)}]`) as T[]) this.rows.push(row);
  }
}

/** The object that `body` is. Rejects with `SyntaxError` for what is no JSON, and as the stream does where it breaks. */
export async function readRows(body: ReadableStream<Uint8Array>, field: string, signal?: AbortSignal): Promise<object> {
  const rows = new RowReader(field);
  const decoder = new TextDecoder();
  const pace = new Pace(signal);
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (let from = 0; from < value.length; from += PIECE) {
        rows.feed(decoder.decode(value.subarray(from, from + PIECE), { stream: true }));
        await pace.rest();
      }
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    throw error;
  }
  rows.feed(decoder.decode());
  return rows.done();
}
