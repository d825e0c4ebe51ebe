import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { formatInt } from "@/lib/format";
import { Empty } from "./bits";
import { AT_ONCE, fitting, told, usePortion } from "./portion";
import { Words } from "./Words";

interface Props<T> {
  /** All of them; undefined while they are on their way. */
  rows: readonly T[] | undefined;
  /** `route`: said of one of them. */
  noun: string;
  /** What words are looked for in. */
  textOf: (row: T) => string;
  words: string | undefined;
  onWords: (words: string | undefined) => void;
  placeholder: string;
  /** Drawn wherever it stands. */
  kept?: (row: T) => boolean;
  children: (rows: T[]) => ReactNode;
}

/** A list that may be long: the first of it at once, the rest when asked for, and a field for words where there is more
 * than fits a page. */
export function LongList<T>({ rows = [], noun, textOf, words = "", onWords, placeholder, kept, children }: Props<T>) {
  const found = fitting(rows, words, textOf);
  const portion = usePortion(found, words, kept);
  if (rows.length === 0) return null;
  return (
    <>
      {(words || rows.length > AT_ONCE / 5) && (
        <Words
          words={words}
          onWords={(text) => onWords(text || undefined)}
          label={`Words in ${noun}s`}
          placeholder={placeholder}
          told={told(found.length, words, noun)}
        />
      )}
      {found.length === 0 ? (
        <Empty title={`No ${noun} fits`}>
          <p>Each word must be in it.</p>
          <Button variant="default" onClick={() => onWords(undefined)}>
            Show all
          </Button>
        </Empty>
      ) : (
        children(portion.rows)
      )}
      {portion.left > 0 && (
        <Button variant="default" mt={12} onClick={portion.more}>
          Show more ({formatInt(portion.left)} left)
        </Button>
      )}
    </>
  );
}
