import { Check } from "lucide-react";
import { useState } from "react";
import type { Facet } from "@/api/types";
import { formatCompact, formatInt } from "@/lib/format";
import { keyInfo } from "./keys";
import { hasValue, literal, parseQuery, toggleValue } from "./language";
import css from "./search.module.css";

interface Props {
  facets: readonly Facet[];
  q: string;
  onChange: (q: string) => void;
  /** How a value is shown where it is not itself what people know it by. */
  label?: (key: string, value: string) => string;
}

const SHORT = 6;
/** So many of each are told at most. */
const MOST = 20;

/** Counts per value of what the search has found; a click is the same as typing `key:value`. */
export function FacetPanel({ facets, q, onChange, label = (_key, value) => value }: Props) {
  const shown = facets
    .map((facet) => withSelected(facet, q))
    .filter((facet) => facet.values.some((v) => v.value !== ""));
  return (
    <div className={css.facets}>
      {shown.map((facet) => (
        <FacetGroup key={facet.key} facet={facet} q={q} onChange={onChange} label={label} />
      ))}
    </div>
  );
}

/** A value that is asked for stays on show even where nothing was found, so that it can be taken back. */
function withSelected(facet: Facet, q: string): Facet {
  const asked = parseQuery(q).flatMap((t) => (t.kind === "field" && t.key === facet.key && !t.negated ? t.values : []));
  const missing = asked.filter(
    (value) => (value.quoted || !literal(value.text).quoted) && !facet.values.some((v) => v.value === value.text),
  );
  return missing.length === 0
    ? facet
    : { ...facet, values: [...missing.map(({ text }) => ({ value: text, count: 0 })), ...facet.values] };
}

interface GroupProps extends Required<Omit<Props, "facets">> {
  facet: Facet;
}

function FacetGroup({ facet, q, onChange, label }: GroupProps) {
  const [all, setAll] = useState(false);
  const values = facet.values.filter((v) => v.value !== "");
  const shown = all ? values : values.slice(0, SHORT);
  return (
    <fieldset style={{ border: 0, margin: 0, padding: 0, minWidth: 0 }}>
      <legend className={css.facetHead} title={keyInfo(facet.key)?.what}>
        {facet.key}
      </legend>
      {shown.map(({ value, count }) => {
        const on = hasValue(q, facet.key, value);
        return (
          <button
            key={value}
            type="button"
            className={css.facetRow}
            aria-pressed={on}
            onClick={(event) => onChange(toggleValue(q, facet.key, value, event.altKey))}
            title={`${value}: ${formatInt(count)}. Click to ask for it, Alt-click to leave it out`}
          >
            <span className={css.box}>{on && <Check size={10} strokeWidth={3.5} aria-hidden="true" />}</span>
            <span className="ellipsis" dir="auto">
              {label(facet.key, value)}
            </span>
            <span className={`${css.count} num`}>{formatCompact(count)}</span>
          </button>
        );
      })}
      {all && values.length >= MOST && (
        <p className="muted" style={{ margin: "4px 6px", fontSize: 12 }}>
          The {MOST} most frequent. Type <code>{facet.key}:</code> in the search for others.
        </p>
      )}
      {values.length > SHORT && (
        <button type="button" className={css.more} onClick={() => setAll(!all)}>
          {all ? "Fewer" : `${values.length - SHORT} more`}
        </button>
      )}
    </fieldset>
  );
}
