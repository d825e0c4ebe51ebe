import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type AuditFilter, auditQuery } from "@/api/releases";
import type { AuditEntryView } from "@/api/releaseTypes";
import { formatDateTime } from "@/lib/format";
import { Pending } from "@/ui/Pending";
import css from "./audit.module.css";
import { actionWords, keyNameOf, reasonOf, stepOf, subjectOf } from "./words";

interface Props {
  project: string;
  filter: AuditFilter;
  /** What to say where there is nothing. */
  none?: string;
}

/** Who did what, newest first. */
export function AuditList({ project, filter, none = "Nothing yet." }: Props) {
  const found = useInfiniteQuery(auditQuery(project, filter));
  const entries = found.data?.pages.flatMap((page) => page.items) ?? [];
  if (found.isError || found.isPending) return <Pending of={found} height={120} />;
  if (entries.length === 0) return <p className="muted">{none}</p>;
  return (
    <>
      <ol className={css.list} aria-label="Audit trail">
        {entries.map((entry) => (
          <Entry key={entry.id} project={project} entry={entry} />
        ))}
      </ol>
      {found.hasNextPage && (
        <Button variant="default" mt={12} loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Show more
        </Button>
      )}
    </>
  );
}

function Entry({ project, entry }: { project: string; entry: AuditEntryView }) {
  const [reason, step] = [reasonOf(entry), stepOf(entry)];
  return (
    <li className={css.entry} data-action={entry.action}>
      <time className="num muted" dateTime={new Date(entry.at).toISOString()} title={entry.id}>
        {formatDateTime(entry.at)}
      </time>
      <span className="ellipsis" title={entry.actor || "by itself"}>
        {entry.actor_name || entry.actor}
      </span>
      <div className={css.what}>
        <span>
          <span className={css.action}>{actionWords(entry.action)}</span>{" "}
          {keyNameOf(entry) && <strong>{keyNameOf(entry)} </strong>}
          <SubjectLink project={project} subject={entry.subject} />
          {step && <span className="num muted"> {step}</span>}
        </span>
        {reason && <span className={css.detail}>{reason}</span>}
        {Object.keys(entry.detail).length > 0 && (
          <details className={css.detail}>
            <summary>Detail</summary>
            <pre>{JSON.stringify(entry.detail, null, 2)}</pre>
          </details>
        )}
      </div>
    </li>
  );
}

function SubjectLink({ project, subject }: { project: string; subject: string }) {
  const found = subjectOf(subject);
  switch (found.kind) {
    case "app":
      return (
        <Link to="/p/$project/apps/$app" params={{ project, app: found.app }} activeProps={{}}>
          {found.app}
        </Link>
      );
    case "release":
      return (
        <Link
          to="/p/$project/apps/$app/releases/$release"
          params={{ project, app: found.app, release: found.release }}
          activeProps={{}}
        >
          {found.app} {found.release}
        </Link>
      );
    case "rollout":
      return (
        <Link to="/p/$project/rollouts/$rollout" params={{ project, rollout: found.rollout }} activeProps={{}}>
          {found.app} in {found.environment}
        </Link>
      );
    case "placement":
      return (
        <Link to="/p/$project/apps/$app" params={{ project, app: found.app }} activeProps={{}}>
          {found.app} in {found.environment}
        </Link>
      );
    case "environment":
      return (
        <Link to="/p/$project/environments" params={{ project }} activeProps={{}}>
          {found.environment}
        </Link>
      );
    default:
      return <code>{found.text}</code>;
  }
}
