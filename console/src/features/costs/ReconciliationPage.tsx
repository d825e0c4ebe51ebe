import { Button, FileButton, NumberInput, Select } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { FileUp } from "lucide-react";
import { type FormEvent, useState } from "react";
import { inProject, post } from "@/api/client";
import { providersQuery } from "@/api/queries";
import type { ProviderView, ReconciliationView } from "@/api/types";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import css from "./costs.module.css";
import { columnsOf, decode, FIELD_NAMES, FIELDS, type Field, guess, VENDORS, type Vendor } from "./exportFile";
import { Reconciled } from "./Reconciled";

const MOST_BYTES = 32_000_000;
const KINDS: Record<string, Vendor> = { openai: "openai", azure: "openai", anthropic: "anthropic" };

interface Chosen {
  name: string;
  text: string;
  columns: string[];
}

/** "Does the provider bill what we have booked, and where not, why?" */
export function ReconciliationPage() {
  const { project } = useParams({ from: "/inside/p/$project/reconciliation" });
  const search = useSearch({ from: "/inside/p/$project/reconciliation" });
  const navigate = useNavigate({ from: "/p/$project/reconciliation" });
  const patch = (change: Partial<typeof search>) =>
    void navigate({ search: (prev) => ({ ...prev, ...change }), replace: true });
  const providers = useQuery(providersQuery(project));
  return (
    <Page
      title="Reconciliation"
      lead={
        <>
          A provider's usage export beside your books, day by day and model by model: in tokens, in money, and with why
          they differ.
        </>
      }
    >
      <Pending of={providers} height={160} />
      {providers.data && (
        <Compare
          project={project}
          providers={providers.data}
          provider={search.provider ?? (providers.data.length === 1 ? providers.data[0]?.name : undefined)}
          onProvider={(provider) => patch({ provider })}
          search={search}
          onSearch={patch}
        />
      )}
    </Page>
  );
}

interface Search {
  all?: string;
  cause?: string;
  sort?: string;
}

interface Props {
  project: string;
  providers: ProviderView[];
  provider: string | undefined;
  onProvider: (provider: string | undefined) => void;
  search: Search;
  onSearch: (change: Search) => void;
}

function Compare({ project, providers, provider, onProvider, search, onSearch }: Props) {
  const [file, setFile] = useState<Chosen | null>(null);
  const [chosen, setVendor] = useState<Vendor | null>(null);
  const [columns, setColumns] = useState<Partial<Record<Field, string>>>({});
  const [decimal, setDecimal] = useState<"point" | "comma" | null>(null);
  const [percent, setPercent] = useState(1);
  const kind = providers.find((each) => each.name === provider)?.kind ?? "";
  const vendor = chosen ?? KINDS[kind] ?? "generic";
  const compare = useMutation({
    mutationFn: () =>
      post<ReconciliationView>(inProject(project, "reconciliations"), {
        provider,
        vendor,
        content: file?.text ?? "",
        columns: vendor === "generic" ? columns : {},
        decimal,
        tolerance: percent / 100,
      }),
  });
  const take = useMutation({
    mutationFn: async (given: File): Promise<Chosen> => {
      if (given.size > MOST_BYTES) throw new Error("The file is larger than 32 MB: export a shorter time.");
      const text = decode(await given.arrayBuffer());
      return { name: given.name, text, columns: columnsOf(text) };
    },
    onSuccess: (taken) => {
      compare.reset();
      setFile(taken);
      setColumns(guess(taken.columns));
    },
  });
  const changed =
    <T,>(set: (value: T) => void) =>
    (value: T) => {
      compare.reset();
      set(value);
    };
  const missing = !provider ? "Choose the provider that it is of." : !file ? "Choose the export." : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!missing) compare.mutate();
  };
  return (
    <>
      <form className={css.compare} onSubmit={submit}>
        <div className={css.fields}>
          <Select
            label="Provider"
            description="Of this project"
            data={providers.map((each) => each.name)}
            value={provider ?? null}
            searchable
            onChange={(value) => {
              compare.reset();
              setVendor(null);
              onProvider(value ?? undefined);
            }}
          />
          <Select
            label="How to read it"
            description="As the provider's kind, unless you say otherwise"
            data={VENDORS}
            value={vendor}
            allowDeselect={false}
            onChange={changed((value) => setVendor(value as Vendor))}
          />
          <NumberInput
            label="Tolerance"
            description="Sums may differ by so much"
            suffix=" %"
            min={0}
            max={100}
            decimalScale={2}
            value={percent}
            onChange={changed((value) => setPercent(Number(value) || 0))}
          />
          <div className={css.file}>
            <FileButton
              accept=".csv,.tsv,.json,.txt,text/csv,application/json"
              onChange={(given) => given && take.mutate(given)}
            >
              {(props) => (
                <Button
                  {...props}
                  variant="default"
                  size="sm"
                  leftSection={<FileUp size={15} />}
                  loading={take.isPending}
                >
                  {file ? "Another file" : "Choose the export"}
                </Button>
              )}
            </FileButton>
            <span className="muted">{file ? file.name : "CSV or JSON, up to 32 MB"}</span>
          </div>
        </div>
        {take.isError && <ProblemNotice error={take.error} />}
        {vendor === "generic" && file && (
          <fieldset className={css.columns}>
            <legend>Which column is which</legend>
            {file.columns.length === 0 ? (
              <p className="muted">
                The file has no header to choose from: a CSV begins with the names of its columns.
              </p>
            ) : (
              <div className={css.fields}>
                {FIELD_NAMES.map((field) => (
                  <Select
                    key={field}
                    label={FIELDS[field].label}
                    data={[...new Set(file.columns.filter(Boolean))]}
                    value={columns[field] ?? null}
                    clearable
                    placeholder="not there"
                    onChange={changed((value) =>
                      setColumns((before) => {
                        const { [field]: _, ...others } = before;
                        return value === null ? others : { ...others, [field]: value };
                      }),
                    )}
                  />
                ))}
                <Select
                  label="Before decimals stands"
                  data={[
                    { value: "point", label: "a point: 1,234.50" },
                    { value: "comma", label: "a comma: 1.234,50" },
                  ]}
                  value={decimal}
                  clearable
                  placeholder="as its numbers tell"
                  onChange={changed((value) => setDecimal(value as "point" | "comma" | null))}
                />
              </div>
            )}
          </fieldset>
        )}
        <div className={css.file}>
          <Button type="submit" size="sm" loading={compare.isPending} disabled={Boolean(missing)} title={missing}>
            Compare with the books
          </Button>
          <span className="muted">{missing ?? "The file is compared and not kept."}</span>
        </div>
      </form>
      {compare.isError && <ProblemNotice error={compare.error} />}
      {compare.data ? (
        <Reconciled
          project={project}
          found={compare.data}
          file={file?.name ?? ""}
          search={search}
          onSearch={onSearch}
        />
      ) : (
        <Where project={project} />
      )}
    </>
  );
}

/** What to fetch, for who has never done it. */
function Where({ project }: { project: string }) {
  return (
    <section className={css.where} aria-label="Where exports come from">
      <h2>Where the export comes from</h2>
      <ul>
        <li>
          OpenAI: the dashboard's usage or costs as CSV, or JSON of <code>/v1/organization/usage/completions</code> and{" "}
          <code>/v1/organization/costs</code>.
        </li>
        <li>
          Anthropic: the console's usage or cost as CSV, or JSON of <code>/v1/organizations/usage_report/messages</code>{" "}
          and <code>/v1/organizations/cost_report</code>.
        </li>
        <li>Any other: a CSV with a row per day, or per day and model; you say which column is which.</li>
      </ul>
      <p className="muted">
        The same from a script, with an exit code: <code>trimtab reconcile usage.json --provider openai</code>. Where
        you pay another price than the book says,{" "}
        <Link to="/p/$project/prices" params={{ project }}>
          set your own
        </Link>
        .
      </p>
    </section>
  );
}
