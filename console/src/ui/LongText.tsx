import { Button } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { formatInt } from "@/lib/format";
import { AT_FIRST, cutAt } from "./cut";

/** A text that may be megabytes: the beginning at once, four times as much each time more is asked for. */
export function LongText({ text, children }: { text: string; children: (shown: string) => ReactNode }) {
  const [most, setMost] = useState(AT_FIRST);
  const end = cutAt(text, most);
  if (end >= text.length) return children(text);
  return (
    <>
      {children(text.slice(0, end))}
      <Button variant="default" size="compact-xs" display="block" mt={6} onClick={() => setMost(most * 4)}>
        Show more ({formatInt(text.length - end)} characters left)
      </Button>
    </>
  );
}
