import { Skeleton, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { appsQuery, dayQuery, placementsQuery } from "@/api/releases";
import type { AppView } from "@/api/releaseTypes";
import { formatCompact, formatInt, formatMs, formatPercent, plural } from "@/lib/format";
import { useInSight } from "@/lib/hooks";
import { Tag } from "@/ui/bits";
import { LongList } from "@/ui/LongList";
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
  const figures = figuresOf(day.data);
  const add = () => void navigate({ search: (was) => ({ ...was, new: "1" }) });
  return (
    <Page
      title="Apps"
      lead="What is live in which environment, what is on its way there, and how it did in the last day."
      actions={
        <>
          <Switch
            label="Archived"
            checked={search.archived === "1"}
            onChange={(event) => {
              const archived = event.currentTarget.checked ? "1" : undefined;
              void navigate({ search: (was) => ({ ...was, archived }) });
            }}
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
      <LongList
        rows={shown}
        noun="app"
        textOf={(app) => `${app.name} ${app.spec.description ?? ""} ${routeWords(app)}`}
        words={search.find}
        onWords={(find) => void navigate({ search: (was) => ({ ...was, find }), replace: true })}
        placeholder="Name, or what it does"
      >
        {(rows) => (
          <ul className={css.rows} aria-label="Apps">
            {rows.map((app) => (
              <Row
                key={app.name}
                project={project}
                app={app}
                figures={day.data ? (figures.get(app.name) ?? NOTHING) : undefined}
              />
            ))}
          </ul>
        )}
      </LongList>
      {search.new && (
        <NewAppDialog
          project={project}
          onClose={() => void navigate({ search: (was) => ({ ...was, new: undefined }) })}
        />
      )}
    </Page>
  );
}

interface RowProps {
  project: string;
  app: AppView;
  figures: DayFigures | undefined;
}

function Row({ project, app, figures }: RowProps) {
  const [ref, inSight] = useInSight();
  const asking = { ...placementsQuery(project, app.name), refetchInterval: REFRESH_MS, enabled: inSight };
  const places = useQuery(asking);
  return (
    <li className={css.row} data-app={app.name} ref={ref}>
      <div style={{ minWidth: 0 }}>
        <Link to="/p/$project/apps/$app" params={{ project, app: app.name }} className={css.name}>
          {app.name}
        </Link>{" "}
        {app.archived !== null && <Tag>archived</Tag>}
        <div className="muted ellipsis">{app.spec.description || routeWords(app)}</div>
        <div className="muted">{app.newest === 0 ? "no release yet" : `newest release r${app.newest}`}</div>
      </div>
      {places.data ? (
        <Where project={project} app={app.name} placements={places.data} />
      ) : (
        <div>{places.isLoading && <Skeleton height={22} width={260} />}</div>
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
