import { stretchesOf } from "@/lib/unseen";
import css from "./ui.module.css";

/** A text as it came, with a mark where it holds what a model reads and nobody sees. */
export function Said({ text }: { text: string }) {
  const stretches = stretchesOf(text);
  if (stretches.length === 1 && !stretches[0]?.hidden) return text;
  return stretches.map((each, i) =>
    each.hidden ? (
      <mark key={i} className={css.unseen} dir="ltr" title="A person does not see this; a model reads it.">
        {each.hidden}
      </mark>
    ) : (
      each.text
    ),
  );
}
