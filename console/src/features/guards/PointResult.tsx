import type { GuardPoint, GuardShare, OperatingPoint, PointPart } from "@/api/guards";
import type { Scale } from "@/features/rollouts/interval";
import { formatInt } from "@/lib/format";
import { type Column, DataTable } from "@/ui/DataTable";
import { Notice } from "@/ui/Notice";
import { SHARE, Whisker } from "@/ui/Whisker";
import { WriteButton } from "@/ui/WriteButton";
import css from "./guards.module.css";
import { alarmScale, partsOf, percent, promise, thresholdWords } from "./point";

interface Props {
  found: GuardPoint;
  busy: boolean;
  onApply: () => void;
}

interface Side {
  name: string;
  point: OperatingPoint;
}

/** What the threshold of the budget does, beside what the guard's own does on the same texts. */
export function PointResult({ found, busy, onApply }: Props) {
  const { point, now } = found;
  const { tone, says } = promise(point);
  const sides: Side[] = [
    { name: "By the budget", point },
    { name: "As it is now", point: now },
  ];
  const scale = alarmScale([point.alarms, now.alarms], point.budget);
  const same = point.threshold === now.threshold;
  return (
    <section aria-label="What it comes to" data-testid="point-result" className={css.form}>
      <Notice tone={tone} title={says} />
      <DataTable label="Both thresholds" columns={sideColumns(scale)} rows={sides} rowKey={(side) => side.name} />
      <p className="muted">{aboutTexts(found)}</p>
      <Parts title="By length" parts={point.by_length} budget={point.budget} />
      <Parts title="By language" parts={point.by_language} budget={point.budget} />
      <Parts title="By set" parts={point.by_family} budget={point.budget} />
      <div className={css.foot}>
        <WriteButton
          needs="guard:write"
          size="sm"
          loading={busy}
          why={same ? "It has this threshold already." : undefined}
          onClick={onApply}
        >
          Use {thresholdWords(point.threshold)}
        </WriteButton>
      </div>
    </section>
  );
}

/** What was judged, and what could not be. */
function aboutTexts({ point, traffic, without_text }: GuardPoint): string {
  const parts = [
    traffic > 0 && `${formatInt(traffic)} of the harmless texts are recorded calls, which were taken for harmless.`,
    without_text > 0 && `${formatInt(without_text)} recorded calls had no text kept at this stage.`,
    point.recall.of === 0 && "No attacks were given, so nobody knows what it sees.",
    point.unjudged > 0 && `It could not tell of ${formatInt(point.unjudged)} texts; they count for neither.`,
    "The datasets and calls are judged again when you use it: a new version is made, and in force at once.",
  ];
  return parts.filter(Boolean).join(" ");
}

function sideColumns(scale: Scale): Column<Side>[] {
  return [
    { id: "name", label: "threshold", cell: (side) => side.name },
    { id: "threshold", label: "from", cell: (side) => <strong>{thresholdWords(side.point.threshold)}</strong> },
    {
      id: "alarms",
      label: "false alarms",
      cell: (side) => <ShareLine name={`False alarms, ${side.name}`} share={side.point.alarms} scale={scale} />,
    },
    {
      id: "recall",
      label: "attacks seen",
      cell: (side) => <ShareLine name={`Attacks seen, ${side.name}`} share={side.point.recall} />,
    },
  ];
}

function Parts({ title, parts, budget }: { title: string; parts: readonly PointPart[]; budget: number }) {
  const rows = partsOf(parts);
  if (rows.length === 0) return null;
  const scale = alarmScale(
    rows.map((row) => row.alarms),
    budget,
  );
  const columns: Column<PointPart>[] = [
    { id: "name", label: title.toLowerCase(), cell: (row) => row.name },
    {
      id: "alarms",
      label: "false alarms",
      cell: (row) => <ShareLine name={`False alarms, ${row.name}`} share={row.alarms} scale={scale} />,
    },
    {
      id: "recall",
      label: "attacks seen",
      cell: (row) => <ShareLine name={`Attacks seen, ${row.name}`} share={row.recall} />,
    },
  ];
  return <DataTable label={title} columns={columns} rows={rows} rowKey={(row) => row.name} />;
}

interface ShareProps {
  name: string;
  share: GuardShare;
  scale?: Scale;
  /** In words below the line: for tables. */
  stacked?: boolean;
}

/** A share with its interval (95 %), and of how many. */
export function ShareLine({ name, share, scale = SHARE, stacked = true }: ShareProps) {
  if (share.of === 0) return <span className="muted">none were given</span>;
  return (
    <Whisker
      name={name}
      value={share.share}
      low={share.low}
      high={share.high}
      scale={scale}
      print={percent}
      stacked={stacked}
      n={`${formatInt(share.count)} of ${formatInt(share.of)}`}
    />
  );
}
