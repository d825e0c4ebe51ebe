/** What is in a text to be read by a model and not by a person. */

/** A stretch of a text; `hidden` says of what nobody would see what it is or does. */
export interface Stretch {
  text: string;
  hidden: string;
}

// What turns the order of letters, as in "Trojan Source"; and the tags of Unicode, letters that no font shows. Tags after
// a black flag are a flag, as England's.
const UNSEEN =
  /([\u202A-\u202E\u2066-\u2069])|(\u{1F3F4}[\u{E0020}-\u{E007E}]+\u{E007F})|([\u{E0001}\u{E0020}-\u{E007F}]+)/gu;

/** The text in stretches, with what cannot be seen told. */
export function stretchesOf(text: string): Stretch[] {
  const found: Stretch[] = [];
  let at = 0;
  for (const match of text.matchAll(UNSEEN)) {
    const [whole, turn, flag, tags] = match;
    if (flag) continue;
    if (match.index > at) found.push({ text: text.slice(at, match.index), hidden: "" });
    found.push({ text: whole, hidden: turn ? codeOf(turn) : `unseen: ${plainOf(tags ?? "")}` });
    at = match.index + whole.length;
  }
  if (at < text.length || found.length === 0) found.push({ text: text.slice(at), hidden: "" });
  return found;
}

const codeOf = (letter: string) => `U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase()}`;

/** What tags spell: each is an ASCII letter, moved. */
function plainOf(tags: string): string {
  return [...tags]
    .map((tag) => (tag.codePointAt(0) ?? 0) - 0xe0000)
    .filter((code) => code >= 0x20 && code < 0x7f)
    .map((code) => String.fromCharCode(code))
    .join("");
}
