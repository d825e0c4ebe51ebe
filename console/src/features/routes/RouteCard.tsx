import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { History, Route as RouteIcon } from "lucide-react";
import { inProject } from "@/api/client";
import { routesQuery } from "@/api/queries";
import type { LeafView, RouteView } from "@/api/types";
import { formatMs } from "@/lib/format";
import { Tag } from "@/ui/bits";
import { EditOrDelete } from "@/ui/EditOrDelete";
import { FromFile, fixedByFile } from "@/ui/FromFile";
import { Notice } from "@/ui/Notice";
import { HealthSign } from "@/ui/status";
import { Explain } from "./Explain";
import { LastDecisions } from "./LastDecisions";
import { Replay, type ReplaySearch } from "./Replay";
import css from "./routes.module.css";
import { type Line, linesOf, type RawNode } from "./tree";

interface Props {
  project: string;
  route: RouteView;
  explaining: boolean;
  onExplain: (open: boolean) => void;
  /** What is asked about its past calls, while that is open. */
  replay: ReplaySearch | undefined;
  onReplay: (search: ReplaySearch | undefined) => void;
  /** With a tree to begin with, where one was tried. */
  onEdit: (tree?: string) => void;
}

export function RouteCard({ project, route, explaining, onExplain, replay, onReplay, onEdit }: Props) {
  const fixed = fixedByFile(route);
  const kept = [route.affinity.session && "session", route.affinity.prompt && "start of the prompt"].filter(Boolean);
  return (
    <article className={css.card} data-route={route.name} aria-label={`Route ${route.name}`}>
      <header className={css.head}>
        <div style={{ minWidth: 0 }}>
          <h2 className={css.name}>
            {route.name}
            {fixed ? <FromFile thing={route} /> : <Tag>version {route.version}</Tag>}
          </h2>
          {route.about && <div className="muted">{route.about}</div>}
          {kept.length > 0 && (
            <div className="muted">Keeps to the target that answered before, by {kept.join(" and ")}.</div>
          )}
        </div>
        <div className={css.actions}>
          <Button
            variant="default"
            leftSection={<RouteIcon size={13} />}
            onClick={() => onExplain(!explaining)}
            aria-expanded={explaining}
          >
            Explain
          </Button>
          <Button
            variant="default"
            leftSection={<History size={13} />}
            onClick={() => onReplay(replay ? undefined : {})}
            aria-expanded={replay !== undefined}
          >
            What if…
          </Button>
          <EditOrDelete
            thing={route}
            path={inProject(project, "routes", route.name)}
            stale={routesQuery(project).queryKey}
            needs="route:write"
            why={fixed}
            onEdit={() => onEdit()}
          >
            Clients that call <code>{route.name}</code> are then told that there is no such model. Its past calls stay.
          </EditOrDelete>
        </div>
      </header>
      {route.trouble && (
        <Notice tone="warn" title="Not all of it can be used">
          {route.trouble}
        </Notice>
      )}
      {route.advice.length > 0 && (
        <Notice tone="warn" title="It could tell topics apart better">
          {route.advice.map((said) => (
            <div key={said}>{said}</div>
          ))}
        </Notice>
      )}
      <ol className={css.tree} aria-label={`The tree of ${route.name}`}>
        {linesOf(route.tree as RawNode).map((line) => (
          <TreeLine key={line.path} line={line} leaf={leafOf(route.targets, line)} project={project} />
        ))}
      </ol>
      {explaining && <Explain project={project} route={route} />}
      {replay && (
        <Replay
          key={replay.tree}
          project={project}
          route={route}
          search={replay}
          onAsk={onReplay}
          onTake={(tree) => onEdit(tree)}
        />
      )}
      <LastDecisions project={project} name={route.name} />
    </article>
  );
}

/** A target that stands in a tree once is found by its place; below another route's name, by its model's. */
function leafOf(leaves: LeafView[], line: Line): LeafView | undefined {
  if (line.model === null) return undefined;
  return leaves.find((leaf) => leaf.node === line.path) ?? leaves.find((leaf) => leaf.model === line.model);
}

function TreeLine({ line, leaf, project }: { line: Line; leaf: LeafView | undefined; project: string }) {
  return (
    <li className={css.line} style={{ paddingLeft: 12 + line.depth * 22 }} title={line.path}>
      {line.label && <span className={css.way}>{line.label}</span>}
      {line.model === null ? (
        <>
          <Tag>{line.kind.replace("_", " ")}</Tag>
          <span className="muted">{line.what}</span>
        </>
      ) : (
        <>
          <Link to="/p/$project/models" params={{ project }} className={css.model}>
            {line.model}
          </Link>
          {leaf ? <Live leaf={leaf} /> : <span className="muted">another route, or not usable now</span>}
        </>
      )}
    </li>
  );
}

function Live({ leaf }: { leaf: LeafView }) {
  return (
    <span className={css.live}>
      <HealthSign health={leaf.health} label />
      {leaf.breaker !== "closed" && <Tag tone="bad">breaker {leaf.breaker.replace("_", " ")}</Tag>}
      <span className="num muted">
        {leaf.latency === null
          ? leaf.health === "unknown"
            ? "no call yet"
            : "no answer yet"
          : `first byte ${formatMs(leaf.latency)}`}
        {leaf.in_flight > 0 && `, ${leaf.in_flight} under way`}
      </span>
    </span>
  );
}
