import css from "./compare.module.css";
import { diffText } from "./diff";

/** What of a text was taken away and what was added, word by word. */
export function DiffText({ a, b, testId }: { a: string; b: string; testId?: string }) {
  return (
    <div className={css.diff} role="group" aria-label="What differs" tabIndex={0} data-testid={testId}>
      {diffText(a, b).map((piece, i) =>
        piece.kind === "removed" ? (
          <del key={i}>{piece.text}</del>
        ) : piece.kind === "added" ? (
          <ins key={i}>{piece.text}</ins>
        ) : (
          <span key={i}>{piece.text}</span>
        ),
      )}
    </div>
  );
}
