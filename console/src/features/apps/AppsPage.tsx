import { Skeleton, Switch } from "@mantine/core";
import { useQueries, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { appsQuery, dayQuery, placementsQuery } from "@/api/releases";
import type { AppView, PlacementView } from "@/api/releaseTypes";
import { formatCompact, formatInt, formatMs, formatPercent, plural } from "@/lib/format";
import { Tag } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { WriteButton } from "@/ui/WriteButton";
import css from "./apps.module.css";
import { FirstApp } from "./FirstApp";
import { costWords, type DayFigures, figuresOf, METRICS, NOTHING } from "./figures";
import { tracesOf } from "./links";
import { NewAppDialog } from "./NewAppDialog";
import { Where } from "./Where";

const REFRESH_MS = 15_000;

/** "What is live where, what is on its way, and how does it do?" */
export function AppsPage() {
  const { project } = useParams({ from: "/inside/p/$project/apps" });
  const search = useSearch({ from: "/inside/p/$project/apps" });
  const navigate = useNavigate({ from: "/p/$project/apps" });
  const apps = useQuery(appsQuery(project));
  const archived = useQuery({ ...appsQuery(project, true), enabled: search.archived === "1" });
  const day = useQuery(dayQuery(project, "", "app", METRICS));
  const shown = [...(apps.data ?? []), ...(search.archived === "1" ? (archived.data ?? []) : [])];
  const placements = useQueries({
    queries: shown.map((app) => ({ ...placementsQuery(project, app.name), refetchInterval: REFRESH_MS })),
  });
  const figures = figuresOf(day.data);
  const add = () => void navigate({ search: { new: "1" } });
  return (
    <Page
      title="Apps"
      lead="What is live in which environment, what is on its way there, and how it did in the last day."
      actions={
        <>
          <Switch
            label="Archived"
            checked={search.archived === "1"}
            onChange={(event) => void navigate({ search: { archived: event.currentTarget.checked ? "1" : undefined } })}
          />
          <WriteButton needs="release:write" size="sm" leftSection={<Plus size={15} />} onClick={add}>
            Make an app
          </WriteButton>
        </>
      }
    >
      {apps.isError && <ProblemNotice error={apps.error} retry={() => void apps.refetch()} />}
      {day.isError && <ProblemNotice error={day.error} retry={() => void day.refetch()} />}
      {apps.isPending && <Skeleton height={220} />}
      {apps.data?.length === 0 && shown.length === 0 && <FirstApp project={project} onAdd={add} />}
      {shown.length > 0 && (
        <ul className={css.rows} aria-label="Apps">
          {shown.map((app, i) => (
            <Row
              key={app.name}
              project={project}
              app={app}
              placements={placements[i]?.data}
              figures={day.data ? (figures.get(app.name) ?? NOTHING) : undefined}
            />
          ))}
        </ul>
      )}
      {search.new && <NewAppDialog project={project} onClose={() => void navigate({ search: {} })} />}
    </Page>
  );
}

interface RowProps {
  project: string;
  app: AppView;
  placements: PlacementView[] | undefined;
  figures: DayFigures | undefined;
}

function Row({ project, app, placements, figures }: RowProps) {
  return (
    <li className={css.row} data-app={app.name}>
      <div style={{ minWidth: 0 }}>
        <Link to="/p/$project/apps/$app" params={{ project, app: app.name }} className={css.name}>
          {app.name}
        </Link>{" "}
        {app.archived !== null && <Tag>archived</Tag>}
        <div className="muted ellipsis">{app.spec.description || routeWords(app)}</div>
        <div className="muted">{app.newest === 0 ? "no release yet" : `newest release r${app.newest}`}</div>
      </div>
      {placements ? (
        <Where project={project} app={app.name} placements={placements} />
      ) : (
        <Skeleton height={22} width={260} />
      )}
      {figures ? (
        <Figures project={project} q={tracesOf({ app: app.name })} figures={figures} />
      ) : (
        <Skeleton height={34} />
      )}
    </li>
  );
}

const routeWords = (app: AppView): string =>
  typeof app.spec.route === "string" && app.spec.route ? `answers with ${app.spec.route}` : "";

/** The last day of it; each leads to the calls behind it. */
export function Figures({ project, q, figures }: { project: string; q: string; figures: DayFigures }) {
  const failed = `${q} status:error`;
  return (
    <dl className={css.figures} aria-label="The last day">
      <div>
        <dt>calls, 24 h</dt>
        <dd title={formatInt(figures.calls)}>
          {figures.calls === 0 ? (
            <span className="muted">none</span>
          ) : (
            <Link to="/p/$project/traces" params={{ project }} search={{ q }}>
              {formatCompact(figures.calls)}
            </Link>
          )}
        </dd>
      </div>
      <div>
        <dt>failed</dt>
        <dd title={`${plural(figures.errors, "failed call")} of ${formatInt(figures.calls)}`}>
          {figures.errors === 0 ? (
            formatPercent(0, figures.calls)
          ) : (
            <Link to="/p/$project/traces" params={{ project }} search={{ q: failed }} className={css.bad}>
              {formatPercent(figures.errors, figures.calls)}
            </Link>
          )}
        </dd>
      </div>
      <div>
        <dt>p95</dt>
        <dd>{formatMs(figures.p95)}</dd>
      </div>
      <div>
        <dt>cost</dt>
        <dd title={figures.unpriced > 0 ? `${plural(figures.unpriced, "attempt")} without a known price` : undefined}>
          {costWords(figures)}
        </dd>
      </div>
    </dl>
  );
}
