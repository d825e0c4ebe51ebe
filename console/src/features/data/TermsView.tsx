import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Pencil } from "lucide-react";
import type { ModelTerms, StatedTerms } from "@/api/dataRules";
import { dataClassesQuery, dataTermsQuery } from "@/api/policies";
import { providersQuery } from "@/api/queries";
import { useMay } from "@/lib/role";
import { Empty, Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";
import css from "./data.module.css";
import { byProvider } from "./dataForm";
import { TermsEditor } from "./TermsEditor";

interface Props {
  project: string;
  /** Whose terms are open: `provider:NAME` or `model:NAME`. */
  edit: string | undefined;
  onEdit: (edit: string | undefined) => void;
}

type Subject = StatedTerms["subject"];

/** "Where does each provider process, and what may it be given?" */
export function TermsView({ project, edit, onEdit }: Props) {
  const terms = useQuery(dataTermsQuery(project));
  const classes = useQuery(dataClassesQuery(project));
  const providers = useQuery(providersQuery(project));
  const may = useMay("policy:write");
  const failed = [terms, classes, providers].find((each) => each.isError);
  if (failed) return <ProblemNotice error={failed.error} retry={() => void failed.refetch()} />;
  if (!terms.data || !classes.data || !providers.data) return <Skeleton height={240} />;
  const groups = byProvider(
    terms.data.models,
    providers.data.map((each) => each.name),
  );
  const statedOf = (subject: Subject, name: string) =>
    terms.data.items.find((each) => each.subject === subject && each.name === name);
  const [subject, ...rest] = (edit ?? "").split(":");
  const edited = rest.join(":");
  return (
    <>
      <p className="muted">
        What you state here is what policies go by (<code>resource.region</code>, <code>resource.data_classes</code>,{" "}
        <code>resource.terms</code>). It decides nothing by itself. A model has its own word, else its provider's.
      </p>
      {groups.length === 0 && (
        <Empty title="No provider yet">
          <p>Once there is one, say here where it processes and what it may be given.</p>
        </Empty>
      )}
      {groups.map(([name, models]) => (
        <Provider
          key={name}
          name={name}
          stated={statedOf("provider", name)}
          models={models}
          statedOf={(model) => statedOf("model", model)}
          onEdit={may ? onEdit : undefined}
        />
      ))}
      {may && edited && (subject === "provider" || subject === "model") && (
        <TermsEditor
          key={edit}
          project={project}
          subject={subject}
          name={edited}
          stated={statedOf(subject, edited)}
          classes={classes.data.classes}
          onClose={() => onEdit(undefined)}
        />
      )}
    </>
  );
}

interface ProviderProps {
  name: string;
  stated: StatedTerms | undefined;
  models: ModelTerms[];
  statedOf: (model: string) => StatedTerms | undefined;
  onEdit: ((edit: string) => void) | undefined;
}

function Provider({ name, stated, models, statedOf, onEdit }: ProviderProps) {
  return (
    <section className={css.section} aria-label={name}>
      <div className={css.bar}>
        <div>
          <h2 className={css.heading}>{name}</h2>
          <Said stated={stated} />
        </div>
        {onEdit && (
          <WriteButton
            needs="policy:write"
            variant="default"
            leftSection={<Pencil size={13} />}
            onClick={() => onEdit(`provider:${name}`)}
            aria-label={`State terms of the provider ${name}`}
          >
            State
          </WriteButton>
        )}
      </div>
      {models.length > 0 && (
        <Panel>
          <DataTable
            label={`Models of ${name}`}
            columns={columns(statedOf, onEdit)}
            rows={models}
            rowKey={(model) => model.model}
          />
        </Panel>
      )}
    </section>
  );
}

function Said({ stated }: { stated: StatedTerms | undefined }) {
  const parts = stated
    ? [
        stated.region && `processes in ${stated.region}`,
        stated.data_classes && `may have ${stated.data_classes.join(", ") || "no class"}`,
        stated.terms && (stated.terms.join(", ") || "no terms"),
      ].filter(Boolean)
    : [];
  return <span className="muted">{parts.length > 0 ? parts.join("; ") : "nothing stated"}</span>;
}

const none = <span className="muted">not stated</span>;

function Tags({ names }: { names: string[] }) {
  if (names.length === 0) return none;
  return (
    <span className={css.tags}>
      {names.map((name) => (
        <Tag key={name}>{name}</Tag>
      ))}
    </span>
  );
}

function columns(
  statedOf: (model: string) => StatedTerms | undefined,
  onEdit: ((edit: string) => void) | undefined,
): Column<ModelTerms>[] {
  return [
    {
      id: "model",
      label: "model",
      cell: (row) => (
        <>
          <span className="mono">{row.model}</span> {statedOf(row.model) && <Tag tone="accent">its own word</Tag>}
        </>
      ),
    },
    {
      id: "region",
      label: "region",
      cell: (row) => (
        <>
          {row.region || (!row.local && none)} {row.local && <Tag>our own machine</Tag>}
        </>
      ),
    },
    { id: "classes", label: "may have", cell: (row) => <Tags names={row.data_classes} /> },
    { id: "terms", label: "terms", cell: (row) => <Tags names={row.terms} /> },
    {
      id: "actions",
      label: "",
      align: "right",
      cell: (row) =>
        onEdit && (
          <WriteButton
            needs="policy:write"
            variant="default"
            onClick={() => onEdit(`model:${row.model}`)}
            aria-label={`State terms of the model ${row.model}`}
          >
            State
          </WriteButton>
        ),
    },
  ];
}
