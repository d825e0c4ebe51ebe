/** A text in pieces, those marked in which something was found. */

export interface Mark {
  start: number;
  end: number;
  kind: string;
  score: number;
}

export interface Piece {
  text: string;
  /** What was found there, empty for nothing; of several findings each. */
  kinds: string[];
  score: number;
}

/** `start` and `end` count characters (code points, as the server does), not JavaScript's halves of them. Findings may
 * overlap, touch or reach beyond the text. */
export function pieces(text: string, marks: readonly Mark[]): Piece[] {
  const letters = Array.from(text);
  const within = (at: number) => Math.max(0, Math.min(letters.length, at));
  const sound = marks.filter((mark) => within(mark.start) < within(mark.end));
  const edges = new Set([0, letters.length, ...sound.flatMap((mark) => [within(mark.start), within(mark.end)])]);
  const cuts = [...edges].sort((a, b) => a - b);
  return cuts.slice(0, -1).map((from, i) => {
    const to = cuts[i + 1] ?? letters.length;
    const here = sound.filter((mark) => mark.start <= from && within(mark.end) >= to);
    return {
      text: letters.slice(from, to).join(""),
      kinds: [...new Set(here.map((mark) => mark.kind))],
      score: here.reduce((most, mark) => Math.max(most, mark.score), 0),
    };
  });
}
