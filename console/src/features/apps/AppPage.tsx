import { Button, Menu, Skeleton } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Archive, ArchiveRestore, Ellipsis, IdCard, ListTree, PackagePlus, Swords, Waypoints } from "lucide-react";
import { type KeyboardEvent, useRef, useState } from "react";
import { inProject, patch } from "@/api/client";
import { appQuery, dayQuery, environmentsQuery, placementsQuery, releasesQuery } from "@/api/releases";
import type { AppDetail } from "@/api/releaseTypes";
import { useMay } from "@/lib/role";
import { Empty } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { Code } from "@/ui/Copy";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { AuditList } from "../audit/AuditList";
import css from "./apps.module.css";
import { CreateRelease } from "./CreateRelease";
import { DraftEditor } from "./DraftEditor";
import { figuresOf, METRICS } from "./figures";
import { tracesOf } from "./links";
import { Places } from "./Places";
import { PromoteDialog } from "./PromoteDialog";
import { RollBackDialog } from "./RollBackDialog";
import { callApp } from "./snippets";
import { Timeline } from "./Timeline";

const VIEWS = [
  { id: "timeline", label: "Releases" },
  { id: "draft", label: "Draft" },
  { id: "audit", label: "Audit trail" },
] as const;

/** "What runs of it, how did it come to that, and what will be next?" */
export function AppPage() {
  const { project, app: name } = useParams({ from: "/inside/p/$project/apps/$app" });
  const search = useSearch({ from: "/inside/p/$project/apps/$app" });
  const navigate = useNavigate({ from: "/p/$project/apps/$app" });
  const found = useQuery(appQuery(project, name));
  const app = found.data;
  const view = VIEWS.find((each) => each.id === search.view)?.id ?? "timeline";
  const patchSearch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  return (
    <Page
      title={name}
      lead={app?.spec.description}
      actions={
        app && (
          <>
            <Button
              component={Link}
              to="/p/$project/traces"
              params={{ project } as never}
              search={{ q: tracesOf({ app: name }) } as never}
              variant="default"
              size="sm"
              leftSection={<ListTree size={15} />}
            >
              Calls
            </Button>
            <Button
              component={Link}
              to="/p/$project/rollouts"
              params={{ project } as never}
              search={{ app: name } as never}
              variant="default"
              size="sm"
              leftSection={<Waypoints size={15} />}
            >
              Rollouts
            </Button>
            <WriteButton
              needs="release:write"
              size="sm"
              leftSection={<PackagePlus size={15} />}
              onClick={() => patchSearch({ release: "new" })}
              why={app.archived !== null ? "It is archived." : app.trouble || undefined}
            >
              Create a release…
            </WriteButton>
            <More project={project} app={app} />
          </>
        )
      }
    >
      <Pending of={found} height={420} />
      {app && (
        <>
          {app.archived !== null && (
            <Notice tone="warn" title="It is archived">
              It answers no calls and takes no new release. Take it out of the archive to use it again.
            </Notice>
          )}
          {app.running_trouble && (
            <Notice tone="warn" title="Its calls are not answered as they should be">
              {app.running_trouble}
            </Notice>
          )}
          <Tabs
            app={app}
            view={view}
            onView={(id) => void navigate({ search: { view: id === "timeline" ? undefined : id } })}
          />
          <div role="tabpanel" id="app-view" aria-labelledby={`tab-${view}`}>
            {view === "timeline" && <Released project={project} app={app} />}
            {view === "draft" && (
              <DraftEditor project={project} app={app} onRelease={() => patchSearch({ release: "new" })} />
            )}
            {view === "audit" && <AuditOf project={project} app={name} />}
          </div>
          {search.release === "new" && (
            <CreateRelease project={project} app={app} onClose={() => patchSearch({ release: undefined })} />
          )}
        </>
      )}
    </Page>
  );
}

interface TabsProps {
  app: AppDetail;
  view: string;
  onView: (view: string) => void;
}

function Tabs({ app, view, onView }: TabsProps) {
  const tabs = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = VIEWS.findIndex((each) => each.id === view);
    const next = VIEWS[(at + step + VIEWS.length) % VIEWS.length]?.id ?? "timeline";
    onView(next);
    tabs.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  };
  return (
    <div className={css.tabs} role="tablist" aria-label="Views" ref={tabs} onKeyDown={onKeyDown}>
      {VIEWS.map(({ id, label }) => (
        <button
          key={id}
          id={`tab-${id}`}
          type="button"
          role="tab"
          className={css.tab}
          aria-selected={view === id}
          aria-controls="app-view"
          tabIndex={view === id ? 0 : -1}
          onClick={() => onView(id)}
        >
          {label}
          {id === "draft" && app.differs && app.newest > 0 && (
            <span className={css.dot} title={`It differs from r${app.newest}.`}>
              <span className="sr-only">, differs from the newest release</span>
            </span>
          )}
        </button>
      ))}
    </div>
  );
}

function AuditOf({ project, app }: { project: string; app: string }) {
  return (
    <div className={css.column}>
      {[
        ["The draft", `app:${app}`],
        ["Releases, approvals and verdicts", `release:${app}@*`],
        ["Rollouts", `rollout:${app}@*`],
        ["What runs", `placement:${app}@*`],
      ].map(([title, subject]) => (
        <section key={subject}>
          <h2 className={css.label} style={{ marginBottom: 6 }}>
            {title}
          </h2>
          <AuditList project={project} filter={{ subject }} />
        </section>
      ))}
    </div>
  );
}

function Released({ project, app }: { project: string; app: AppDetail }) {
  const search = useSearch({ from: "/inside/p/$project/apps/$app" });
  const navigate = useNavigate({ from: "/p/$project/apps/$app" });
  const releases = useInfiniteQuery(releasesQuery(project, app.name));
  const placements = useQuery(placementsQuery(project, app.name));
  const environments = useQuery(environmentsQuery(project));
  const day = useQuery(dayQuery(project, tracesOf({ app: app.name }), "environment,release", METRICS));
  const rows = releases.data?.pages.flatMap((page) => page.items) ?? [];
  const patchSearch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const promoted = rows.find((row) => String(row.number) === search.promote);
  const back = placements.data?.find((each) => each.environment === search.back);
  const error = releases.error ?? placements.error ?? environments.error ?? day.error;
  return (
    <>
      {error && <ProblemNotice error={error} />}
      {placements.data ? (
        <Places
          project={project}
          app={app.name}
          placements={placements.data}
          environments={environments.data ?? []}
          figures={figuresOf(day.data)}
          releases={rows}
          onRollBack={(environment) => patchSearch({ back: environment })}
        />
      ) : (
        !error && <Skeleton height={120} mb={20} />
      )}
      {releases.isPending && <Skeleton height={240} />}
      {releases.data && rows.length === 0 && <NoRelease app={app} />}
      {rows.length > 0 && (
        <Timeline
          project={project}
          app={app.name}
          releases={rows}
          placements={placements.data ?? []}
          onPromote={(number) => patchSearch({ promote: String(number) })}
          more={
            releases.hasNextPage
              ? { busy: releases.isFetchingNextPage, load: () => void releases.fetchNextPage() }
              : undefined
          }
        />
      )}
      {promoted && (
        <PromoteDialog
          project={project}
          app={app.name}
          release={promoted.number}
          to={search.to ?? ""}
          onTo={(to) => patchSearch({ to })}
          onClose={() => patchSearch({ promote: undefined, to: undefined })}
        />
      )}
      {back && <RollBackDialog project={project} placement={back} onClose={() => patchSearch({ back: undefined })} />}
    </>
  );
}

function NoRelease({ app }: { app: AppDetail }) {
  return (
    <Empty title="No release yet">
      <p>
        A release freezes the draft: prompt, route, models, parameters and tools, as they stand now. Create the first,
        promote it to an environment, and clients call it by its name:
      </p>
      <Code text={callApp({ origin: window.location.origin, app: app.name })} label="Copy" />
    </Empty>
  );
}

function More({ project, app }: { project: string; app: AppDetail }) {
  const queries = useQueryClient();
  const may = useMay("release:write");
  const [asking, setAsking] = useState(false);
  const archive = useMutation({
    mutationFn: () =>
      patch<AppDetail>(inProject(project, "apps", app.name), {
        archived: app.archived === null,
        expected_revision: app.revision,
      }),
    onError: () => queries.invalidateQueries({ queryKey: ["app", project, app.name] }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["apps", project] });
      await queries.invalidateQueries({ queryKey: ["app", project, app.name] });
      setAsking(false);
    },
  });
  const Icon = app.archived === null ? Archive : ArchiveRestore;
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" size="sm" px={9} aria-label="More">
            <Ellipsis size={16} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            component={Link}
            to="/p/$project/compliance/$kind/$name"
            params={{ project, kind: "apps", name: app.name } as never}
            leftSection={<IdCard size={14} />}
          >
            Its card, for auditors
          </Menu.Item>
          <Menu.Item
            component={Link}
            to="/p/$project/red-team"
            params={{ project } as never}
            search={{ new: "1", a: app.newest > 0 ? `${app.name}@r${app.newest}` : app.name } as never}
            leftSection={<Swords size={14} />}
          >
            Attack its newest release…
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon size={14} />}
            disabled={!may}
            onClick={() => (app.archived === null ? setAsking(true) : archive.mutate())}
          >
            {app.archived === null ? "Archive it…" : "Take it out of the archive"}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={asking}
        title={`Archive ${app.name}?`}
        action="Archive"
        busy={archive.isPending}
        error={archive.error}
        onConfirm={() => archive.mutate()}
        onClose={() => {
          archive.reset();
          setAsking(false);
        }}
      >
        Calls of <code>{app.name}</code> are then refused, in every environment. Its name, its draft, its releases and
        its past calls stay, and it can be taken out again.
      </Confirm>
    </>
  );
}
