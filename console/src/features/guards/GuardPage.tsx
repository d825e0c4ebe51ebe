import { Button, Menu, SegmentedControl, Skeleton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Archive, ArchiveRestore, Ellipsis, Pencil, ShieldCheck } from "lucide-react";
import { type ReactNode, useState } from "react";
import { inProject, patch } from "@/api/client";
import {
  type GuardKind,
  type GuardReport,
  type GuardSpec,
  type GuardView,
  guardKindsQuery,
  guardQuery,
  guardReportQuery,
  guardsKey,
} from "@/api/guards";
import { formatDateTime } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { useMay } from "@/lib/role";
import { Facts, Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Tabs } from "@/ui/Tabs";
import { WriteButton } from "@/ui/WriteButton";
import { GuardEditor } from "./GuardEditor";
import css from "./guards.module.css";
import { ModeDialog } from "./ModeDialog";
import { PointView } from "./PointView";
import { percent, thresholdWords } from "./point";
import { ReportView } from "./ReportView";
import { ActionWord, ModeSign } from "./Signs";
import { TryPanel } from "./TryPanel";
import { Versions } from "./Versions";
import { actionOf, MODES, modeOf, STAGES, stagesOf, whereWords } from "./words";

const VIEWS = [
  { id: "report", label: "What it did" },
  { id: "try", label: "Try it" },
  { id: "threshold", label: "Threshold" },
  { id: "versions", label: "Versions" },
] as const;
const DAYS = ["1", "7", "30"];
const ROUTE = "/inside/p/$project/guards/$guard";

/** "What does this guard stop, and is it right?" */
export function GuardPage() {
  const { project, guard: name } = useParams({ from: ROUTE });
  const search = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: "/p/$project/guards/$guard" });
  const days = DAYS.includes(search.days ?? "") ? Number(search.days) : 7;
  const found = useQuery(guardQuery(project, name));
  const kinds = useQuery(guardKindsQuery(project));
  const report = useQuery(guardReportQuery(project, name, days));
  const guard = found.data;
  const kind = kinds.data?.find((each) => each.name === guard?.spec.kind);
  const set = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  return (
    <Page
      title={name}
      lead={guard && (guard.spec.description || kind?.about)}
      actions={guard && <Acts project={project} guard={guard} kind={kind} onAct={set} />}
    >
      {found.isError && <ProblemNotice error={found.error} retry={() => void found.refetch()} />}
      {kinds.isError && <ProblemNotice error={kinds.error} retry={() => void kinds.refetch()} />}
      {(found.isPending || kinds.isPending) && <Skeleton height={320} />}
      {guard && kinds.data && !kind && (
        <Notice title={`There is no kind ${guard.spec.kind} in this server`}>
          The guard cannot look; whether calls pass is decided by what it does if it fails.
        </Notice>
      )}
      {guard && kinds.data && (
        <>
          <Head
            guard={guard}
            report={report.data}
            error={report.error}
            days={days}
            onDays={(next) => set({ days: next })}
          />
          <div className={css.two}>
            <div style={{ minWidth: 0 }}>
              <Views project={project} guard={guard} kind={kind} report={report.data} days={days} />
            </div>
            <Panel>
              <div className={css.body}>
                <Setting guard={guard} kind={kind} />
              </div>
            </Panel>
          </div>
          {search.edit && kind && (
            <GuardEditor
              key={guard.name}
              project={project}
              kind={kind}
              guard={guard}
              onClose={() => set({ edit: undefined })}
              onSaved={() => set({ edit: undefined })}
            />
          )}
          {search.mode && (
            <ModeDialog project={project} guard={guard} report={report.data} onClose={() => set({ mode: undefined })} />
          )}
        </>
      )}
    </Page>
  );
}

interface ViewsProps {
  project: string;
  guard: GuardView;
  kind: GuardKind | undefined;
  report: GuardReport | undefined;
  days: number;
}

function Views({ project, guard, kind, report, days }: ViewsProps) {
  const search = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: "/p/$project/guards/$guard" });
  const view = VIEWS.find((each) => each.id === search.view)?.id ?? "report";
  const set = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  return (
    <Tabs
      label="Views"
      tabs={VIEWS}
      value={view}
      onChange={(id) => set({ view: id === "report" ? undefined : id, version: undefined, before: undefined })}
    >
      {view === "report" && <ReportView project={project} report={report} days={days} />}
      {view === "try" && kind && (
        <Panel>
          <div className={css.body}>
            <TryPanel key={guard.version} project={project} spec={guard.spec} kind={kind} />
          </div>
        </Panel>
      )}
      {view === "threshold" && kind && <PointView key={guard.name} project={project} guard={guard} kind={kind} />}
      {view === "versions" && (
        <Versions
          project={project}
          guard={guard}
          after={search.version}
          before={search.before}
          onCompare={(before, after) => set({ before, version: after })}
        />
      )}
    </Tabs>
  );
}

interface HeadProps {
  guard: GuardView;
  report: GuardReport | undefined;
  error: unknown;
  days: number;
  onDays: (days: string) => void;
}

/** The answer to why one came: what it stopped, or would have. */
function Head({ guard, report, error, days, onDays }: HeadProps) {
  const mode = modeOf(guard.spec);
  return (
    <section className={css.head} aria-label="What it comes to" data-testid="guard-says">
      <div className={css.headText}>
        {guard.archived !== null && <Tag tone="warn">put away: it guards nothing by itself</Tag>}
        <ModeSign mode={mode} />
        <div className={css.say} role="status">
          {report ? report.say : error ? "What it did cannot be told now." : "…"}
        </div>
        <p className="muted">
          {MODES[mode].about}
          {mode === "shadow" && (report?.calls ?? 0) > 0 && " Look at those calls below before you let it stop them."}
        </p>
      </div>
      <SegmentedControl
        size="xs"
        aria-label="Of the last days"
        data={[
          { value: "1", label: "1 day" },
          { value: "7", label: "7 days" },
          { value: "30", label: "30 days" },
        ]}
        value={String(days)}
        onChange={onDays}
      />
    </section>
  );
}

function thresholdOf(spec: GuardSpec, kind: GuardKind | undefined): string {
  const threshold = spec.threshold ?? kind?.threshold;
  return threshold == null ? "–" : thresholdWords(threshold);
}

/** As it is set now. */
function Setting({ guard, kind }: { guard: GuardView; kind: GuardKind | undefined }) {
  const { spec } = guard;
  const options = Object.entries(spec.options ?? {});
  return (
    <>
      <h2 className={css.heading}>Version {guard.version}</h2>
      <Facts
        rows={[
          ["Kind", spec.kind.replaceAll("_", " ")],
          ["Then it", <ActionWord key="a" action={actionOf(spec)} />],
          ["From", `a score of ${thresholdOf(spec, kind)} on${spec.threshold == null ? ", its own" : ""}`],
          [
            "False alarms",
            guard.point &&
              `${percent(guard.point.alarms.share)} (at most ${percent(guard.point.alarms.high)}) when it was chosen`,
          ],
          [
            "Looks at",
            stagesOf(spec, kind?.stages ?? [])
              .map((stage) => STAGES[stage].label)
              .join(", "),
          ],
          ["Messages of", (spec.roles ?? []).join(", ")],
          ["Holds for", whereWords(spec)],
          ["If it fails", spec.on_failure === "open" ? "the call passes" : "as if it had found something"],
          [
            "What it cannot read",
            { allow: "passes, and nothing is said", flag: "passes, and the trace says so", block: "is stopped" }[
              spec.unread ?? "flag"
            ],
          ],
          ["Timeout", spec.timeout_ms != null && `${spec.timeout_ms} ms`],
          ["Budget", spec.budget != null && `${formatMoney(spec.budget)} a day`],
          ["Queue", spec.queue],
          ["Template", spec.refusal],
          ...options.map(([name, value]): [string, ReactNode] => [
            name.replaceAll("_", " "),
            <code key={name}>{typeof value === "string" ? value : JSON.stringify(value)}</code>,
          ]),
          ["Apps name it", <code key="p">{guard.pinned}</code>],
          ["Made", `${formatDateTime(guard.created)} by ${guard.author || "nobody"}`],
        ]}
      />
    </>
  );
}

interface ActsProps {
  project: string;
  guard: GuardView;
  kind: GuardKind | undefined;
  onAct: (change: { edit?: string; mode?: string }) => void;
}

function Acts({ project, guard, kind, onAct }: ActsProps) {
  const may = useMay("guard:write");
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const place = useMutation({
    mutationFn: () =>
      patch<GuardView>(inProject(project, "guards", guard.name), {
        archived: guard.archived === null,
        expected_version: guard.version,
      }),
    onError: () => queries.invalidateQueries({ queryKey: guardsKey(project) }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: guardsKey(project) });
      setAsking(false);
    },
  });
  const Icon = guard.archived === null ? Archive : ArchiveRestore;
  return (
    <>
      <WriteButton
        needs="guard:write"
        variant="default"
        size="sm"
        leftSection={<ShieldCheck size={15} />}
        onClick={() => onAct({ mode: "1" })}
      >
        Switch…
      </WriteButton>
      <WriteButton
        needs="guard:write"
        size="sm"
        leftSection={<Pencil size={15} />}
        why={kind ? undefined : "Its kind is not in this server."}
        onClick={() => onAct({ edit: "1" })}
      >
        Edit
      </WriteButton>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" size="sm" px={9} aria-label="More">
            <Ellipsis size={16} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            component={Link}
            to="/p/$project/audit"
            params={{ project } as never}
            search={{ subject: `guard:${guard.name}` } as never}
          >
            Audit trail
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon size={14} />}
            disabled={!may}
            onClick={() => (guard.archived === null ? setAsking(true) : place.mutate())}
          >
            {guard.archived === null ? "Put it away…" : "Take it out again"}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={asking}
        title={`Put ${guard.name} away?`}
        action="Put it away"
        busy={place.isPending}
        error={place.error}
        onConfirm={() => place.mutate()}
        onClose={() => {
          place.reset();
          setAsking(false);
        }}
      >
        It guards nothing by itself from then on. Releases that have it pinned go on with it; its versions and its
        report stay.
      </Confirm>
    </>
  );
}
