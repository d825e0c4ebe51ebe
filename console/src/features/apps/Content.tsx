import { Link } from "@tanstack/react-router";
import type { Content, PinnedGuard, Source } from "@/api/releaseTypes";
import type { JsonObject } from "@/api/types";
import { ACTIONS, actionOf, MODES, modeOf } from "@/features/guards/words";
import { Facts, Panel } from "@/ui/bits";
import { Code } from "@/ui/Copy";
import routes from "../routes/routes.module.css";
import { linesOf, type RawNode } from "../routes/tree";
import css from "./apps.module.css";
import { printValue } from "./draftForm";
import { type PinnedKnowledge, USUAL } from "./knowledgeForm";

/** Everything that decides what a release does, as it was frozen. */
export function ReleaseContent({ project, content }: { project: string; content: Content }) {
  const included = Object.entries(content.prompt?.includes ?? {});
  return (
    <Panel>
      <div className={css.body} data-testid="content">
        {content.prompt ? (
          <Prompt project={project} source={content.prompt.prompt} title="Prompt" />
        ) : (
          <p className="muted">It has no prompt of its own: clients send all the messages.</p>
        )}
        {included.map(([reference, source]) => (
          <details key={reference}>
            <summary>
              Included: <code>{reference}</code>, version {source.version}
            </summary>
            <Prompt project={project} source={source} title={`Included prompt ${source.name}`} />
          </details>
        ))}
        <section aria-label="Route">
          <h3 className={css.label}>Answers with</h3>
          <ol className={routes.tree}>
            {linesOf((content.route ?? "") as RawNode).map((line) => (
              <li key={line.path} className={routes.line} style={{ paddingLeft: 12 + line.depth * 22 }}>
                {line.label && <span className={routes.way}>{line.label}</span>}
                {line.model === null ? (
                  `${line.kind.replace("_", " ")}: ${line.what}`
                ) : (
                  <>
                    <strong>{line.model}</strong>
                    <span className="muted">{pinnedWords(content, line.model)}</span>
                  </>
                )}
              </li>
            ))}
          </ol>
        </section>
        <Values title="Parameters" values={content.parameters} />
        <Values title="Variables" values={content.variables} />
        <Values title="Policy" values={content.policy} />
        <KnowledgeList project={project} knowledge={content.knowledge} />
        <Guards project={project} guards={content.guards} />
        <Json title="Tools" value={content.tools?.length ? content.tools : null} />
        <Json title="Output schema" value={content.output_schema} />
        <Json title="Context" value={content.context} />
        <Json title="Cache" value={content.cache} />
        <Json title="Affinity" value={content.affinity} />
        <Values title="Metadata" values={content.metadata} />
      </div>
    </Panel>
  );
}

function pinnedWords(content: Content, model: string): string {
  const pinned = content.models?.[model];
  return pinned ? `${pinned.upstream} at ${pinned.provider}` : "";
}

function Prompt({ project, source, title }: { project: string; source: Source; title: string }) {
  const variables = Object.entries(source.content.variables ?? {});
  return (
    <section aria-label={title} className={css.column}>
      <h3 className={css.label}>
        {title}: {source.name}{" "}
        {source.version > 0 && (
          <span className="muted">
            version {source.version} ·{" "}
            <Link to="/p/$project/prompts/$name" params={{ project, name: source.name }}>
              its history
            </Link>{" "}
            ·{" "}
            <Link
              to="/p/$project/playground"
              params={{ project }}
              search={{ prompt: source.name, ref: String(source.version) }}
            >
              open in the playground
            </Link>
          </span>
        )}
      </h3>
      {(source.content.messages ?? []).map((message, i) => (
        <article key={i} className={css.turn}>
          <header>{message.messages ? `the messages of ${message.messages}` : message.role}</header>
          {!message.messages && <pre tabIndex={0}>{message.text}</pre>}
        </article>
      ))}
      {variables.length > 0 && (
        <p className="muted">
          Variables:{" "}
          {variables.map(([name, variable], i) => (
            <span key={name}>
              {i > 0 && ", "}
              <code>{name}</code> ({variable.type ?? "string"})
            </span>
          ))}
        </p>
      )}
    </section>
  );
}

function Values({ title, values }: { title: string; values: JsonObject | undefined }) {
  const rows = Object.entries(values ?? {});
  if (rows.length === 0) return null;
  return (
    <section aria-label={title}>
      <h3 className={css.label} style={{ marginBottom: 4 }}>
        {title}
      </h3>
      <Facts rows={rows.map(([name, value]) => [name, <code key={name}>{printValue(value)}</code>])} />
    </section>
  );
}

/** What its calls look things up in; what is followed is said to be no part of what was frozen. */
function KnowledgeList({ project, knowledge = [] }: { project: string; knowledge: PinnedKnowledge[] | undefined }) {
  if (knowledge.length === 0) return null;
  return (
    <section aria-label="Knowledge">
      <h3 className={css.label} style={{ marginBottom: 4 }}>
        Knowledge
      </h3>
      <ul className={css.changes}>
        {knowledge.map((each) => (
          <li key={each.corpus}>
            <Link to="/p/$project/knowledge/$corpus" params={{ project, corpus: each.corpus }} search={{}}>
              {each.corpus}
            </Link>{" "}
            <span className="muted">
              {each.version ? `version ${each.version}` : "the newest at each call: not frozen"},{" "}
              {each.top ?? USUAL.top} passages at most,{" "}
              {each.on_failure === "answer_without"
                ? "answers without where it cannot be searched"
                : "refuses calls where it cannot be searched"}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** In the versions that the release has for good. */
function Guards({ project, guards = [] }: { project: string; guards: PinnedGuard[] | undefined }) {
  if (guards.length === 0) return null;
  return (
    <section aria-label="Guards">
      <h3 className={css.label} style={{ marginBottom: 4 }}>
        Guards
      </h3>
      <ul className={css.changes}>
        {guards.map((guard) => (
          <li key={guard.name}>
            <Link
              to="/p/$project/guards/$guard"
              params={{ project, guard: guard.name }}
              search={{ view: "versions", version: String(guard.version) }}
            >
              {guard.name}@{guard.version}
            </Link>{" "}
            <span className="muted">
              {guard.spec.kind}, {MODES[modeOf(guard.spec)].label.toLowerCase()}: {ACTIONS[actionOf(guard.spec)].label}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Json({ title, value }: { title: string; value: unknown }) {
  if (value === null || value === undefined) return null;
  return (
    <section aria-label={title}>
      <h3 className={css.label} style={{ marginBottom: 4 }}>
        {title}
      </h3>
      <Code text={JSON.stringify(value, null, 2)} label={`Copy: ${title}`} maxHeight={320} />
    </section>
  );
}
