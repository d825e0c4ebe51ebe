import { useQuery } from "@tanstack/react-query";
import { meanwhileQuery } from "@/api/meanwhile";
import type { Meanwhile } from "@/api/types";
import { formatDateTime } from "@/lib/format";
import { changesOf, deedOf, MOST_FIELDS } from "./changes";
import css from "./meanwhile.module.css";

/** What others did to a thing since it was read, as the audit log has it. */
export function WhatChanged({ meanwhile }: { meanwhile: Meanwhile }) {
  const found = useQuery(meanwhileQuery(meanwhile));
  if (found.isPending) return <p className="muted">Looking who changed what…</p>;
  if (found.isError) return <p className="muted">What was changed stands in the audit log. {found.error.message}</p>;
  const { project, subject } = meanwhile;
  return (
    <section className={css.deeds} aria-label="What was done meanwhile">
      {found.data.map((entry) => (
        <div key={entry.id}>
          <p>
            <strong>{entry.actor_name || entry.actor}</strong> {deedOf(entry.action)} it, {formatDateTime(entry.at)}
          </p>
          <FieldChanges from={entry.detail.from} to={entry.detail.to} label={`What ${entry.actor_name} changed`} />
        </div>
      ))}
      {project !== null && (
        <p>
          <a
            href={`/p/${encodeURIComponent(project)}/audit?subject=${encodeURIComponent(subject)}`}
            target="_blank"
            rel="noreferrer"
          >
            All that was done to it
          </a>
        </p>
      )}
    </section>
  );
}

/** Field by field what a thing was and is; nothing where either is not there. */
export function FieldChanges({ from, to, label }: { from: unknown; to: unknown; label: string }) {
  const changes = changesOf(from, to);
  if (changes.length === 0) return null;
  return (
    <>
      <table className={css.table} aria-label={label}>
        <thead>
          <tr>
            <th scope="col">field</th>
            <th scope="col">was</th>
            <th scope="col">is now</th>
          </tr>
        </thead>
        <tbody>
          {changes.slice(0, MOST_FIELDS).map((each) => (
            <tr key={each.field}>
              <th scope="row">{each.field}</th>
              <td>{each.was}</td>
              <td>{each.is}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {changes.length > MOST_FIELDS && <p className="muted">And {changes.length - MOST_FIELDS} fields more.</p>}
    </>
  );
}
