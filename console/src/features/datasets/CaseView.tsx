import { Link } from "@tanstack/react-router";
import { Check, X } from "lucide-react";
import type { Case } from "@/api/evaluationTypes";
import { formatDateTime } from "@/lib/format";
import { Facts, Tag } from "@/ui/bits";
import css from "./datasets.module.css";
import { CONSENT, jsonText, originWords, PII, turnsOf, USES, usesOf } from "./words";

/** One case in full: what is asked, what a good answer is, what it rests on, and where it came from. */
export function CaseView({ project, one }: { project: string; one: Case }) {
  const turns = turnsOf(one.input);
  return (
    <>
      <section className={css.part} aria-label="What is asked">
        <h3>Asked</h3>
        {turns ? (
          turns.map((turn, i) => (
            <div key={i} className={css.turn}>
              <span className="muted">{turn.role}</span>
              <div className={css.words}>{turn.text}</div>
            </div>
          ))
        ) : (
          <div className={css.words}>{jsonText(one.input)}</div>
        )}
        <Variables input={one.input} />
      </section>
      <section className={css.part} aria-label="What is expected">
        <h3>Expected</h3>
        {one.expected == null ? (
          <p className="muted">Nothing is said: only scorers that need no expectation can judge it.</p>
        ) : (
          <div className={css.words}>{jsonText(one.expected)}</div>
        )}
        {one.expected_tool_calls && <pre className={css.words}>{jsonText(one.expected_tool_calls)}</pre>}
      </section>
      {one.context && one.context.length > 0 && (
        <section className={css.part} aria-label="Context">
          <h3>What the answer should rest on</h3>
          {one.context.map((text, i) => (
            <div key={i} className={css.words}>
              {text}
            </div>
          ))}
        </section>
      )}
      <Allowed one={one} />
      <About project={project} one={one} />
    </>
  );
}

function Variables({ input }: { input: unknown }) {
  const variables = (input as { variables?: unknown } | null)?.variables;
  if (typeof variables !== "object" || variables === null || Object.keys(variables).length === 0) return null;
  return <pre className={css.words}>{jsonText(variables)}</pre>;
}

/** Sign and word: what it may be used for, and what it may not. */
function Allowed({ one }: { one: Case }) {
  const uses = usesOf(one);
  return (
    <section className={css.part} aria-label="Allowed uses">
      <h3>May be used to</h3>
      <ul className={css.uses}>
        {USES.map(({ value, label, about }) => {
          const may = uses.includes(value);
          return (
            <li key={value} data-may={may} title={about}>
              {may ? <Check size={13} aria-hidden="true" /> : <X size={13} aria-hidden="true" />}
              {label}
              <span className="sr-only">{may ? ": allowed" : ": not allowed"}</span>
            </li>
          );
        })}
      </ul>
      <div className={css.tags}>
        <Tag tone={one.consent === "withdrawn" ? "bad" : undefined}>{CONSENT[one.consent ?? "unknown"]}</Tag>
        <Tag tone={one.pii === "present" ? "warn" : undefined}>{PII[one.pii ?? "unknown"]}</Tag>
        {one.licence && <Tag>{one.licence}</Tag>}
      </div>
    </section>
  );
}

function About({ project, one }: { project: string; one: Case }) {
  const { provenance } = one;
  const traced = provenance?.origin === "trace" && provenance.source;
  return (
    <Facts
      rows={[
        [
          "From",
          <span key="from">
            {originWords(provenance)}{" "}
            {traced ? (
              <Link
                to="/p/$project/traces/$traceId"
                params={{ project, traceId: provenance.source ?? "" }}
                search={{ span: provenance.span_id || undefined }}
              >
                {provenance.source?.slice(0, 12)}…
              </Link>
            ) : (
              provenance?.source
            )}
          </span>,
        ],
        ["By", provenance?.author_name],
        ["Added", provenance?.at ? formatDateTime(provenance.at) : ""],
        ["Split", one.split],
        ["Tags", (one.tags ?? []).join(", ")],
        ["Group", one.group],
        ["Weight", one.weight !== undefined && one.weight !== 1 && String(one.weight)],
        ["Metadata", Object.keys(one.metadata ?? {}).length > 0 && <code key="m">{JSON.stringify(one.metadata)}</code>],
        ["Id", <code key="id">{one.id}</code>],
      ]}
    />
  );
}
