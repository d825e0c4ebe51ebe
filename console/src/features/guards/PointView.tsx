import { useMutation, useQueryClient } from "@tanstack/react-query";
import { RefreshCw } from "lucide-react";
import { useState } from "react";
import { inProject, post } from "@/api/client";
import {
  type GuardKind,
  type GuardPoint,
  type GuardPointCheck,
  type GuardPointKept,
  type GuardView,
  guardsKey,
  type PointCheck,
} from "@/api/guards";
import { formatDateTime, formatInt } from "@/lib/format";
import { Facts, Panel } from "@/ui/bits";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";
import css from "./guards.module.css";
import { PointForm } from "./PointForm";
import { PointResult, ShareLine } from "./PointResult";
import { alarmScale, bodyOf, newDraft, OUTCOMES, type PointDraft, percent, thresholdWords } from "./point";
import { STAGES, stagesOf } from "./words";

interface Props {
  project: string;
  guard: GuardView;
  kind: GuardKind;
}

/** "From which score on does it act, what does that cost in false alarms, and does it still hold?" */
export function PointView({ project, guard, kind }: Props) {
  const stages = stagesOf(guard.spec, kind.stages);
  const [draft, setDraft] = useState<PointDraft>(() => newDraft(stages));
  const queries = useQueryClient();
  const path = inProject(project, "guards", guard.name, "operating-point");
  const measure = useMutation({ mutationFn: () => post<GuardPoint>(path, bodyOf(draft)) });
  const apply = useMutation({
    mutationFn: () => post<GuardPoint>(path, { ...bodyOf(draft), apply: true, expected_version: guard.version }),
    onSuccess: async () => {
      measure.reset();
      await queries.invalidateQueries({ queryKey: guardsKey(project) });
    },
  });
  return (
    <>
      {guard.point ? (
        <KeptPoint project={project} guard={guard} point={guard.point} />
      ) : (
        <p className="muted" style={{ marginBottom: 14 }}>
          Its threshold was not chosen by a budget: nobody knows how often it raises a false alarm on your traffic.
        </p>
      )}
      {apply.data?.guard && (
        <Notice
          tone="good"
          title={`Version ${apply.data.guard.version} has the threshold ${thresholdWords(apply.data.point.threshold)}`}
        >
          {apply.data.say}
        </Notice>
      )}
      <section className={css.section} aria-label="Choose a threshold">
        <h2 className={css.heading}>{guard.point ? "Choose anew" : "Choose it by a budget of false alarms"}</h2>
        <Panel>
          <div className={css.body}>
            <PointForm
              project={project}
              stages={stages}
              draft={draft}
              busy={measure.isPending}
              onChange={(next) => {
                measure.reset();
                setDraft(next);
              }}
              onMeasure={() => measure.mutate()}
            />
            {measure.isError && <ProblemNotice error={measure.error} />}
            {apply.isError && <ProblemNotice error={apply.error} />}
            {measure.data && <PointResult found={measure.data} busy={apply.isPending} onApply={() => apply.mutate()} />}
          </div>
        </Panel>
      </section>
    </>
  );
}

interface KeptProps {
  project: string;
  guard: GuardView;
  point: GuardPointKept;
}

/** What the version's threshold was chosen with, and what the last check said. */
function KeptPoint({ project, guard, point }: KeptProps) {
  const queries = useQueryClient();
  const check = useMutation({
    mutationFn: () =>
      post<GuardPointCheck>(inProject(project, "guards", guard.name, "operating-point", "check"), {
        version: guard.version,
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: guardsKey(project) }),
  });
  const scale = alarmScale([point.alarms, ...(point.checked ? [point.checked.alarms] : [])], point.budget);
  return (
    <Panel>
      <div className={css.body} data-testid="point">
        {point.checked && <Checked checked={point.checked} />}
        {!point.checked && point.say && <Notice tone="warn">{point.say}</Notice>}
        <Facts
          rows={[
            ["Threshold", <strong key="t">{thresholdWords(point.threshold)}</strong>],
            ["Budget", `${percent(point.budget)} of harmless ${STAGES[point.stage].label}s`],
            [
              "False alarms",
              <ShareLine key="a" name="False alarms" share={point.alarms} scale={scale} stacked={false} />,
            ],
            ["Attacks seen", <ShareLine key="r" name="Attacks seen" share={point.recall} stacked={false} />],
            ["Detector", detectorWords(point)],
            ["Chosen", `${formatDateTime(point.chosen)} by ${point.by || "nobody"}`],
          ]}
        />
        {check.isError && <ProblemNotice error={check.error} />}
        {check.data && (
          <p className="muted" role="status">
            {formatInt(check.data.traffic)} newer calls were judged
            {check.data.without_text > 0 && `, ${formatInt(check.data.without_text)} had no text kept`}.
          </p>
        )}
        <div>
          <WriteButton
            needs="guard:write"
            variant="default"
            leftSection={<RefreshCw size={13} />}
            loading={check.isPending}
            onClick={() => check.mutate()}
          >
            Check it again
          </WriteButton>
        </div>
      </div>
    </Panel>
  );
}

function detectorWords(point: GuardPointKept): string {
  return point.detector === point.detector_now
    ? `version ${point.detector}`
    : `version ${point.detector} then, ${point.detector_now} now`;
}

function Checked({ checked }: { checked: PointCheck }) {
  const { tone, says } = OUTCOMES[checked.outcome];
  return (
    <Notice tone={tone} title={says}>
      {checked.reasons.map((reason) => (
        <div key={reason}>{reason}</div>
      ))}
      <div className="muted">
        Checked {formatDateTime(checked.at)} with {checked.detector}: {formatInt(checked.alarms.count)} of{" "}
        {formatInt(checked.alarms.of)} harmless texts raise an alarm
        {checked.compared > 0 && `, ${formatInt(checked.compared)} attacks compared`}.
      </div>
    </Notice>
  );
}
