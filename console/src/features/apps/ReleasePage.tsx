import { Button, Select, Skeleton } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { FlaskConical, ListTree, Rocket } from "lucide-react";
import { dayQuery, placementsQuery, releaseDiffQuery, releaseQuery, releasesQuery } from "@/api/releases";
import type { ReleaseDetail } from "@/api/releaseTypes";
import { formatDateTime } from "@/lib/format";
import { Facts, Panel } from "@/ui/bits";
import { CopyButton, CopyIconButton } from "@/ui/Copy";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { Figures } from "./AppsPage";
import css from "./apps.module.css";
import { Diff } from "./Changes";
import { ReleaseContent } from "./Content";
import { Approvals, Verdicts } from "./Evidence";
import { figuresOf, METRICS, NOTHING } from "./figures";
import { tracesOf } from "./links";
import { PromoteDialog } from "./PromoteDialog";
import { backWords, takenBack } from "./tried";
import { shareWords } from "./Where";

/** "What does this release do, what is it made from, and may it run?" */
export function ReleasePage() {
  const { project, app, release: ref } = useParams({ from: "/inside/p/$project/apps/$app/releases/$release" });
  const search = useSearch({ from: "/inside/p/$project/apps/$app/releases/$release" });
  const navigate = useNavigate({ from: "/p/$project/apps/$app/releases/$release" });
  const found = useQuery(releaseQuery(project, app, ref));
  const release = found.data;
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  return (
    <Page
      title={`${app} ${release?.ref ?? ref}`}
      lead={
        release && (
          <>
            <Link to="/p/$project/apps/$app" params={{ project, app }} activeProps={{}}>
              {app}
            </Link>{" "}
            · {release.message || "no message"}
          </>
        )
      }
      actions={
        release && (
          <>
            <Button
              component={Link}
              to="/p/$project/traces"
              params={{ project } as never}
              search={{ q: tracesOf({ app, release: release.number }) } as never}
              variant="default"
              size="sm"
              leftSection={<ListTree size={15} />}
            >
              Calls
            </Button>
            <Button
              component={Link}
              to="/p/$project/playground"
              params={{ project } as never}
              search={{ models: `${app}@r${release.number}` } as never}
              variant="default"
              size="sm"
              leftSection={<FlaskConical size={15} />}
            >
              Playground
            </Button>
            <WriteButton
              needs="release:promote"
              size="sm"
              leftSection={<Rocket size={15} />}
              onClick={() => patch({ promote: String(release.number) })}
            >
              Promote…
            </WriteButton>
          </>
        )
      }
    >
      <Pending of={found} height={420} />
      {release && (
        <div className={css.two}>
          <Main
            project={project}
            release={release}
            against={search.against}
            onAgainst={(against) => patch({ against })}
          />
          <Side project={project} release={release} />
        </div>
      )}
      {release && search.promote && (
        <PromoteDialog
          project={project}
          app={app}
          release={release.number}
          to={search.to ?? ""}
          onTo={(to) => patch({ to })}
          onClose={() => patch({ promote: undefined, to: undefined })}
        />
      )}
    </Page>
  );
}

interface MainProps {
  project: string;
  release: ReleaseDetail;
  against: string | undefined;
  onAgainst: (against: string | undefined) => void;
}

function Main({ project, release, against, onAgainst }: MainProps) {
  const releases = useInfiniteQuery(releasesQuery(project, release.app));
  const others = (releases.data?.pages.flatMap((page) => page.items) ?? []).filter(
    (each) => each.number !== release.number,
  );
  const from = against ?? (release.parent === null ? "" : `r${release.parent}`);
  const choices = [
    ...(release.parent === null ? [{ value: "", label: "nothing: the first release" }] : []),
    ...others.map((each) => ({
      value: each.ref,
      label: `${each.ref}${each.number === release.parent ? ", made from it" : ""}${each.message ? `: ${each.message}` : ""}`,
    })),
    { value: "draft", label: "the draft" },
  ];
  if (from && !choices.some((choice) => choice.value === from)) choices.push({ value: from, label: from });
  const diff = useQuery(releaseDiffQuery(project, release.app, from, release.ref));
  return (
    <div className={css.column}>
      <Panel>
        <div className={css.body}>
          <div className={css.sectionHead}>
            <h2>What it changes against</h2>
            <Select
              size="xs"
              w={320}
              maw="100%"
              aria-label="Compare with"
              data={choices}
              value={from}
              allowDeselect={false}
              searchable
              onChange={(value) => onAgainst(value ?? undefined)}
            />
          </div>
          {diff.error && <ProblemNotice error={diff.error} />}
          {diff.isPending && <Skeleton height={80} />}
          {diff.data && <Diff diff={diff.data} />}
        </div>
      </Panel>
      <div className={css.section}>
        <div className={css.sectionHead}>
          <h2>What it does</h2>
          <CopyButton text={() => JSON.stringify(release.content, null, 2)} label="Copy as JSON" />
        </div>
        <ReleaseContent project={project} content={release.content} />
      </div>
    </div>
  );
}

function Side({ project, release }: { project: string; release: ReleaseDetail }) {
  const placements = useQuery(placementsQuery(project, release.app));
  const q = tracesOf({ app: release.app, release: release.number });
  const day = useQuery(dayQuery(project, q, "release", METRICS));
  const stable = placements.data?.filter((each) => each.stable === release.number) ?? [];
  const coming = placements.data?.filter((each) => each.open?.candidate === release.number) ?? [];
  return (
    <aside className={css.column} aria-label="Evidence">
      <section className={css.card} aria-label="Where it runs">
        <header className={css.cardHead}>
          <h2>Runs in</h2>
        </header>
        {placements.error && <ProblemNotice error={placements.error} />}
        {placements.isPending && <Skeleton height={22} />}
        {placements.data && stable.length + coming.length === 0 && <p className="muted">No environment.</p>}
        <ul className={css.where} aria-label={`Where ${release.ref} runs`}>
          {stable.map(({ environment }) => (
            <li key={environment} className={css.place}>
              <strong>{environment}</strong>
            </li>
          ))}
          {coming.map(({ environment, open }) => (
            <li key={environment} className={css.place}>
              {open && (
                <Link to="/p/$project/rollouts/$rollout" params={{ project, rollout: open.id }}>
                  {environment}, {shareWords(open)}
                </Link>
              )}
            </li>
          ))}
        </ul>
        {takenBack(release).map((each) => (
          <p key={each.rollout} className={css.back}>
            <Link to="/p/$project/rollouts/$rollout" params={{ project, rollout: each.rollout }}>
              {backWords(each)}
            </Link>
          </p>
        ))}
        {day.error && <ProblemNotice error={day.error} />}
        {day.data && <Figures project={project} q={q} figures={figuresOf(day.data).get(release.ref) ?? NOTHING} />}
      </section>
      <Verdicts project={project} app={release.app} release={release} />
      <Approvals project={project} app={release.app} release={release} />
      <section className={css.card} aria-label="About">
        <Facts
          rows={[
            ["Made by", release.author_name],
            ["Made", formatDateTime(release.created)],
            [
              "Made from",
              release.parent !== null && (
                <Link
                  to="/p/$project/apps/$app/releases/$release"
                  params={{ project, app: release.app, release: `r${release.parent}` }}
                >
                  r{release.parent}
                </Link>
              ),
            ],
            [
              "Hash",
              <span key="hash" style={{ display: "inline-flex", gap: 4, alignItems: "center" }}>
                <code title={release.hash}>{release.hash.replace(/^sha256:/, "").slice(0, 16)}…</code>
                <CopyIconButton text={release.hash} label="Copy the hash" />
              </span>,
            ],
            ["Called as", <code key="c">{`${release.app}@${release.ref}`}</code>],
          ]}
        />
      </section>
    </aside>
  );
}
