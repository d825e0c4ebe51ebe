import { Button, Checkbox, Skeleton, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { CircleCheck, CircleDashed, CircleDotDashed, CircleSlash, type LucideIcon } from "lucide-react";
import { type FormEvent, useState } from "react";
import { get } from "@/api/client";
import { type Control, evidencePath, evidenceQuery, type Mapped, type Pack, type Period } from "@/api/compliance";
import { formatDateTime } from "@/lib/format";
import { saveText } from "@/lib/save";
import { Empty, Panel } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import css from "./compliance.module.css";
import { Downloads } from "./Downloads";
import { SectionView } from "./Section";
import { countWords, dayText, isEmpty, periodOf, presets, SHOWN, type Shown } from "./words";

const FRAMEWORKS = [
  { name: "eu_ai_act", label: "EU AI Act" },
  { name: "nist_ai_rmf", label: "NIST AI RMF" },
  { name: "iso_42001", label: "ISO/IEC 42001" },
];
const NAMES = FRAMEWORKS.map((each) => each.name);
const ROUTE = "/inside/p/$project/compliance";

/** "What can we show an auditor of this period, and what is still ours to add?" */
export function CompliancePage() {
  const { project } = useParams({ from: ROUTE });
  const search = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: "/p/$project/compliance" });
  const period = periodOf(search.from, search.to);
  const frameworks = NAMES.filter((name) => (search.frameworks ?? NAMES.join(",")).split(",").includes(name));
  const evidence = useQuery(evidenceQuery(project, period, frameworks));
  return (
    <Page
      title="Compliance"
      lead="Evidence of a period, by article and control. Nothing is judged: what no record shows is named."
      actions={evidence.data && <Evidence project={project} pack={evidence.data} period={period} names={frameworks} />}
    >
      <Choose
        key={`${search.from}/${search.to}`}
        from={search.from ?? presets(Date.now())[0]?.from ?? ""}
        to={search.to ?? dayText(Date.now())}
        frameworks={frameworks}
        busy={evidence.isFetching}
        onChoose={(from, to, names) => void navigate({ search: { from, to, frameworks: names.join(",") } })}
      />
      {evidence.isError && <ProblemNotice error={evidence.error} retry={() => void evidence.refetch()} />}
      {period === null && (
        <Empty title="Choose a period">
          <p>
            The report gathers who approved and promoted what, what was evaluated and attacked, what was overridden,
            what went wrong and was taken back, how data are kept and erased, and whether the audit log is whole. That
            it was made stands in the audit log.
          </p>
        </Empty>
      )}
      {evidence.isLoading && <Skeleton height={420} />}
      {evidence.data && <Report pack={evidence.data} />}
    </Page>
  );
}

interface ChooseProps {
  from: string;
  to: string;
  frameworks: readonly string[];
  busy: boolean;
  onChoose: (from: string, to: string, frameworks: readonly string[]) => void;
}

function Choose({ from, to, frameworks, busy, onChoose }: ChooseProps) {
  const [first, setFirst] = useState(from);
  const [last, setLast] = useState(to);
  const [names, setNames] = useState<string[]>([...frameworks]);
  const [tried, setTried] = useState(false);
  const sound = periodOf(first, last) !== null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (sound && names.length > 0) onChoose(first, last, names);
  };
  return (
    <form className={css.choose} onSubmit={submit} noValidate aria-label="Period and frameworks">
      <div className={css.presets}>
        {presets(Date.now()).map((each) => (
          <Button
            key={each.label}
            variant="default"
            onClick={() => {
              setFirst(each.from);
              setLast(each.to);
            }}
          >
            {each.label}
          </Button>
        ))}
      </div>
      <TextInput
        type="date"
        label="First day (UTC)"
        value={first}
        error={tried && !sound && "No period."}
        onChange={(event) => setFirst(event.currentTarget.value)}
      />
      <TextInput
        type="date"
        label="Last day (UTC)"
        value={last}
        onChange={(event) => setLast(event.currentTarget.value)}
      />
      <Checkbox.Group
        value={names}
        onChange={setNames}
        error={tried && names.length === 0 && "Choose one."}
        aria-label="Frameworks"
      >
        <div style={{ display: "flex", flexWrap: "wrap", gap: "8px 16px", paddingBottom: 8 }}>
          {FRAMEWORKS.map((each) => (
            <Checkbox key={each.name} size="xs" value={each.name} label={each.label} />
          ))}
        </div>
      </Checkbox.Group>
      <Button type="submit" size="sm" loading={busy}>
        Gather the evidence
      </Button>
    </form>
  );
}

interface EvidenceProps {
  project: string;
  pack: Pack;
  period: Period | null;
  names: readonly string[];
}

/** The report as shown, as JSON; and as one page of HTML, which the server makes anew. */
function Evidence({ project, pack, period, names }: EvidenceProps) {
  const name = `evidence-${pack.project}-${dayText(pack.period.start)}-${dayText(pack.period.end - 1)}`;
  const html = useMutation({
    mutationFn: async () => {
      const made = await get<{ html: string }>(evidencePath(project, period, names, "html"));
      saveText(made.html, `${name}.html`, "text/html");
    },
  });
  return (
    <>
      {html.isError && <ProblemNotice error={html.error} />}
      <Downloads name={name} shown={pack} html={html} />
    </>
  );
}

function Report({ pack }: { pack: Pack }) {
  const titles = new Map(pack.sections.map((section) => [section.name, section.title]));
  const empty = pack.sections.filter(isEmpty);
  return (
    <div data-testid="evidence">
      <p className="muted">
        {pack.project}, {dayText(pack.period.start)} to {dayText(pack.period.end - 1)} · made{" "}
        {formatDateTime(pack.made)} by {pack.made_by} · <code className={css.digest}>{pack.digest}</code>
      </p>
      {pack.frameworks.map((framework) => (
        <Framework key={framework.name} framework={framework} titles={titles} />
      ))}
      {pack.sections.map((section) => (
        <SectionView key={section.name} section={section} />
      ))}
      {empty.length > 0 && (
        <p className="muted" style={{ marginTop: 16 }}>
          Without a record in this period: {empty.map((section) => section.title).join(", ")}.
        </p>
      )}
    </div>
  );
}

const ICONS: Record<Shown, LucideIcon> = {
  shown: CircleCheck,
  partly: CircleDotDashed,
  nothing_yet: CircleDashed,
  not_here: CircleSlash,
};

function ShownSign({ shown }: { shown: Shown }) {
  const Icon = ICONS[shown];
  return (
    <span className={css.shown} data-shown={shown} title={SHOWN[shown].about}>
      <Icon size={15} strokeWidth={2.2} aria-hidden="true" />
      {SHOWN[shown].label}
    </span>
  );
}

function Framework({ framework, titles }: { framework: Mapped; titles: ReadonlyMap<string, string> }) {
  const columns: Column<Control>[] = [
    { id: "id", label: "control", cell: (row) => <strong style={{ whiteSpace: "nowrap" }}>{row.id}</strong> },
    {
      id: "asks",
      label: "asks for",
      cell: (row) => (
        <span className={css.control}>
          <strong>{row.title}</strong>
          <span>{row.asks}</span>
        </span>
      ),
    },
    { id: "shown", label: "there are", cell: (row) => <ShownSign shown={row.shown} /> },
    { id: "sections", label: "shown by", cell: (row) => <Sections control={row} titles={titles} /> },
    { id: "add", label: "you add", cell: (row) => <span className={css.add}>{row.add || "–"}</span> },
  ];
  return (
    <section className={css.section} aria-label={framework.title}>
      <h2>{framework.title}</h2>
      <p className="muted">
        {framework.edition}. Controls: {countWords(framework)}.
      </p>
      <Panel>
        <DataTable label={framework.title} columns={columns} rows={[...framework.controls]} rowKey={(row) => row.id} />
      </Panel>
    </section>
  );
}

/** Sections with records lead to them; those without are named as empty. */
function Sections({ control, titles }: { control: Control; titles: ReadonlyMap<string, string> }) {
  const filled = control.sections.filter((name) => !control.empty.includes(name));
  if (control.sections.length === 0) return <span className="muted">–</span>;
  return (
    <span className={`${css.control} ${css.sections}`}>
      <span className={css.links}>
        {filled.map((name) => (
          <a key={name} href={`#section-${name}`}>
            {titles.get(name) ?? name}
          </a>
        ))}
      </span>
      {control.empty.length > 0 && (
        <span className="muted">empty: {control.empty.map((name) => titles.get(name) ?? name).join(", ")}</span>
      )}
    </span>
  );
}
