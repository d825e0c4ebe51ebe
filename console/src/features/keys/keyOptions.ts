/** What is offered where a key is chosen. Pure. */

import type { KeyPage, KeyView } from "@/api/types";

export interface Option {
  value: string;
  label: string;
  disabled?: boolean;
}

interface Given {
  /** What the server found of `q`, the first of it. */
  found: Pick<KeyPage, "items" | "total"> | undefined;
  fits?: ((key: KeyView) => boolean) | undefined;
  also: readonly Option[];
  q: string;
  chosen?: Option | undefined;
}

const MORE = "more";

/** Those that fit, the chosen one wherever it is, and how many there are besides. */
export function optionsOf({ found, fits = () => true, also, q, chosen }: Given): Option[] {
  const beside = also.filter((each) => each.label.toLowerCase().includes(q.toLowerCase()));
  const keys = (found?.items ?? []).filter(fits).map((key) => ({ value: key.id, label: key.name || key.prefix }));
  const known = new Set(beside.map((each) => each.value));
  const options = [...beside, ...keys.filter((each) => !known.has(each.value))];
  if (chosen && !options.some((each) => each.value === chosen.value)) options.unshift(chosen);
  const more = found ? found.total - found.items.length : 0;
  return more > 0
    ? [...options, { value: MORE, label: `${more} more: type a part of the name`, disabled: true }]
    : options;
}
