import { Link } from "@tanstack/react-router";
import { AppWindow, BookOpen, CircleSlash, DatabaseZap, Gauge, type LucideIcon, Scissors } from "lucide-react";
import type { ReactNode } from "react";
import type { LimitView, TraceDetail } from "@/api/types";
import { formatInt } from "@/lib/format";
import { setOnly } from "@/search/language";
import ui from "@/ui/ui.module.css";
import { ReleaseLink } from "../apps/ReleaseLink";
import { amount } from "../limits/amounts";
import { cacheWords, type KnowledgeLine, knowledgeWords, promptOf, refusalWords, shorterBy } from "./callNotes";
import css from "./callNotes.module.css";
import { entrySpan } from "./entry";

interface Props {
  project: string;
  trace: TraceDetail;
}

/** What happened to the call before and beside the choice of a model: cache, a shorter conversation, limits. */
export function CallNotes({ project, trace }: Props) {
  const { app, cache, context, limits } = trace;
  const knowledge = trace.knowledge ?? [];
  if (!app && !cache && !context && limits.length === 0 && knowledge.length === 0) return null;
  return (
    <section className={ui.panel} aria-label="What else was done with the call" data-testid="call-notes">
      {app && <AppNote project={project} trace={trace} app={app} />}
      {knowledge.map((line) => (
        <KnowledgeNote key={line.span_id} project={project} trace={trace} line={line} />
      ))}
      {cache && <CacheNote project={project} cache={cache} />}
      {context && <ContextNote context={context} />}
      {limits.length > 0 && <LimitNotes project={project} limits={limits} />}
    </section>
  );
}

function Note({ icon: Icon, title, children }: { icon: LucideIcon; title: ReactNode; children: ReactNode }) {
  return (
    <div className={css.note}>
      <Icon size={16} aria-hidden="true" />
      <div className={css.body}>
        <div className={css.title}>{title}</div>
        {children}
      </div>
    </div>
  );
}

interface AppNoteProps extends Props {
  app: NonNullable<TraceDetail["app"]>;
}

/** Which release answered, why that one, and what it did with what the client sent. */
function AppNote({ project, trace, app }: AppNoteProps) {
  const entry = entrySpan(trace);
  const { name, version } = promptOf(app.prompt);
  const title = entry?.release ? (
    <>
      Answered by <ReleaseLink span={entry} whole />
    </>
  ) : (
    "Refused before a release was chosen"
  );
  return (
    <Note icon={AppWindow} title={title}>
      {app.assigned && <div className="muted">Assigned: {app.assigned}</div>}
      {app.rollout && (
        <div>
          It took part in{" "}
          <Link to="/p/$project/rollouts/$rollout" params={{ project, rollout: app.rollout }}>
            a rollout
          </Link>
          .
        </div>
      )}
      {name && (
        <div>
          Prompt{" "}
          <Link to="/p/$project/prompts/$name" params={{ project, name }} search={{ ref: version || undefined }}>
            {app.prompt}
          </Link>
        </div>
      )}
      {app.overridden.length > 0 && (
        <div className="muted">The release has its own, instead of the client's: {app.overridden.join(", ")}.</div>
      )}
      {app.left_out.length > 0 && (
        <div className="muted">What the client's dialect could not say: {app.left_out.join(", ")}.</div>
      )}
      {app.not_taken.length > 0 && (
        <div className="muted">Not sent, because the model refuses it: {app.not_taken.join(", ")}.</div>
      )}
      {app.copy_of && (
        <div>
          Nobody sees its answer: it is a copy of{" "}
          <Link to="/p/$project/traces" params={{ project }} search={{ q: setOnly("", "request", app.copy_of) }}>
            this call
          </Link>
          .
        </div>
      )}
    </Note>
  );
}

interface KnowledgeNoteProps extends Props {
  line: KnowledgeLine;
}

/** What was looked up, and where to see it. */
function KnowledgeNote({ project, trace, line }: KnowledgeNoteProps) {
  return (
    <Note
      icon={BookOpen}
      title={
        <Link
          to="/p/$project/traces/$traceId"
          params={{ project, traceId: trace.trace_id }}
          search={(prev) => ({ ...prev, span: line.span_id, view: undefined })}
        >
          {knowledgeWords(line)}
        </Link>
      }
    >
      {line.follow && <div className="muted">The newest version at the time, which the release does not freeze.</div>}
      {line.failed && <div>{line.failed}</div>}
      {line.remarks.map((remark) => (
        <div key={remark} className="muted">
          {remark}
        </div>
      ))}
    </Note>
  );
}

function CacheNote({ project, cache }: { project: string; cache: NonNullable<TraceDetail["cache"]> }) {
  const words = cacheWords(cache);
  return (
    <Note icon={cache.outcome === "bypass" ? CircleSlash : DatabaseZap} title={words.title}>
      {words.detail && <div className="muted">{words.detail}</div>}
      {cache.first_request && (
        <Link to="/p/$project/traces" params={{ project }} search={{ q: setOnly("", "request", cache.first_request) }}>
          The call that was answered first
        </Link>
      )}
    </Note>
  );
}

function ContextNote({ context }: { context: NonNullable<TraceDetail["context"]> }) {
  return (
    <Note
      icon={Scissors}
      title={
        <>
          Conversation of about <span className="num">{formatInt(context.before)}</span> tokens
          {context.changes.length > 0 ? (
            <>
              {" "}
              sent as about <span className="num">{formatInt(context.after)}</span>{" "}
              <span className="muted">({shorterBy(context.before, context.after)})</span>
            </>
          ) : (
            " sent as it was"
          )}
        </>
      }
    >
      {context.changes.length > 0 ? (
        <ul className={css.changes}>
          {context.changes.map((change) => (
            <li key={change}>{change}</li>
          ))}
        </ul>
      ) : (
        <div className="muted">The policy found nothing to shorten.</div>
      )}
    </Note>
  );
}

function LimitNotes({ project, limits }: { project: string; limits: TraceDetail["limits"] }) {
  return (
    <Note icon={Gauge} title="Limits it counted for">
      <div className={ui.scrollX}>
        <table className={css.limits} aria-label="Limits">
          <thead>
            <tr>
              <th scope="col">limit</th>
              <th scope="col">reserved</th>
              <th scope="col">used</th>
              <th scope="col" title="As far as the worker of the call knew">
                left
              </th>
            </tr>
          </thead>
          <tbody>
            {limits.map((line) => {
              const measure = line.measure as LimitView["measure"];
              return (
                <tr key={`${line.limit}/${line.refused}`}>
                  <td>
                    <Link to="/p/$project/limits" params={{ project }}>
                      {line.limit}
                    </Link>
                    {line.refused && <div style={{ color: "var(--bad)" }}>{refusalWords(line)}</div>}
                  </td>
                  <td className="num">{line.refused ? "–" : amount(measure, line.reserved)}</td>
                  <td className="num">{line.refused ? "–" : amount(measure, line.used)}</td>
                  <td className="num">{amount(measure, line.left)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Note>
  );
}
