import { Button, Checkbox, FileInput, Group, Modal, Select, TagsInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { FileUp } from "lucide-react";
import { type FormEvent, useState } from "react";
import { datasetsKey, importCases } from "@/api/datasets";
import type { Use, WrittenCases } from "@/api/evaluationTypes";
import { formatInt, plural } from "@/lib/format";
import { Notice, ProblemNotice } from "@/ui/Notice";
import css from "./datasets.module.css";
import { FIELDS, type Format, formatOf, guess, mapping, type Preview, previewOf } from "./preview";
import { USES } from "./words";

interface Props {
  project: string;
  dataset: string;
  onClose: () => void;
}

const MODES = [
  { value: "put", label: "Add new ones, change those that are there" },
  { value: "add", label: "Only add; refuse one that is there with other content" },
  { value: "replace", label: "The file is all of it: what is not in it goes" },
];
/** Enough of a file to see its first rows. */
const LOOKED_AT = 256 * 1024;

/** A file becomes one version, or nothing of it does; what would come in is shown first. */
export function ImportDialog({ project, dataset, onClose }: Props) {
  const { file, format, preview, columns, setColumns, choose } = useFile();
  const [said, setSaid] = useState<Said>(NOTHING);
  const queries = useQueryClient();
  const send = useMutation({
    mutationFn: () =>
      importCases(project, dataset, file as File, {
        ...said,
        format: format ?? "jsonl",
        file: file?.name ?? "",
        columns: mapping(columns),
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: datasetsKey(project) }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (file && format) send.mutate();
  };
  const set = (change: Partial<Said>) => setSaid((now) => ({ ...now, ...change }));
  const named = format === "parquet" || Boolean(columns.input || columns.messages);
  return (
    <Modal opened onClose={onClose} title={<strong>Import a file into {dataset}</strong>} size={720}>
      {send.data ? (
        <Done told={send.data} onClose={onClose} />
      ) : (
        <form className={css.form} onSubmit={submit} noValidate>
          <FileInput
            label="File"
            description="CSV with a head row, JSON lines, or Parquet; up to 256 MB."
            placeholder="Choose a file"
            accept=".csv,.jsonl,.ndjson,.parquet"
            value={file}
            onChange={(next) => {
              send.reset();
              void choose(next);
            }}
            error={file && !format ? "Its name ends in none of .csv, .jsonl, .ndjson, .parquet." : undefined}
            data-autofocus
          />
          {preview && <Look preview={preview} columns={columns} onColumns={setColumns} />}
          {format === "parquet" && (
            <p className="muted">A Parquet file is looked at by the server; columns are named as the fields are.</p>
          )}
          <SaidOfAll said={said} set={set} />
          {preview && !named && <Notice tone="warn">Say which column is what is asked (input, or messages).</Notice>}
          {send.isError && <ProblemNotice error={send.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" size="sm" onClick={onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              size="sm"
              leftSection={<FileUp size={14} />}
              loading={send.isPending}
              disabled={!file || !format || !named || Boolean(preview?.problem)}
            >
              Import it
            </Button>
          </Group>
        </form>
      )}
    </Modal>
  );
}

interface Said {
  mode: string;
  split: string;
  tags: string[];
  uses: Use[];
  licence: string;
  message: string;
}

const NOTHING: Said = { mode: "put", split: "", tags: [], uses: ["evaluate"], licence: "", message: "" };

/** What holds for every row that says nothing of its own. */
function SaidOfAll({ said, set }: { said: Said; set: (change: Partial<Said>) => void }) {
  return (
    <div className={css.two}>
      <Select
        label="What is there already"
        data={MODES}
        value={said.mode}
        allowDeselect={false}
        onChange={(mode) => set({ mode: mode ?? "put" })}
      />
      <TextInput
        label="What it is"
        description="The message of the version."
        value={said.message}
        onChange={(event) => set({ message: event.currentTarget.value })}
      />
      <TextInput
        label="Split"
        description="Of rows that name none."
        value={said.split}
        onChange={(event) => set({ split: event.currentTarget.value })}
      />
      <TagsInput label="Tags" value={said.tags} onChange={(tags) => set({ tags })} splitChars={[","]} />
      <Checkbox.Group label="May be used to" value={said.uses} onChange={(uses) => set({ uses: uses as Use[] })}>
        <Group gap="md" mt={6}>
          {USES.map(({ value, label }) => (
            <Checkbox key={value} value={value} label={label} />
          ))}
        </Group>
      </Checkbox.Group>
      <TextInput
        label="Licence"
        value={said.licence}
        onChange={(event) => set({ licence: event.currentTarget.value })}
        spellCheck={false}
      />
    </div>
  );
}

/** The file that was chosen, its first rows, and which of its columns is what. */
function useFile() {
  const [file, setFile] = useState<File | null>(null);
  const [format, setFormat] = useState<Format | null>(null);
  const [preview, setPreview] = useState<Preview | null>(null);
  const [columns, setColumns] = useState<Record<string, string>>({});
  const choose = async (next: File | null) => {
    setFile(next);
    const kind = next ? formatOf(next.name) : null;
    setFormat(kind);
    if (!next || !kind) return setPreview(null);
    const found = kind === "parquet" ? null : previewOf(await next.slice(0, LOOKED_AT).text(), kind);
    setPreview(found);
    setColumns(found ? guess(found.columns) : {});
  };
  return { file, format, preview, columns, setColumns, choose };
}

interface LookProps {
  preview: Preview;
  columns: Record<string, string>;
  onColumns: (columns: Record<string, string>) => void;
}

function Look({ preview, columns, onColumns }: LookProps) {
  const names = [{ value: "", label: "–" }, ...preview.columns.map((each) => ({ value: each, label: each }))];
  return (
    <>
      {preview.problem && <Notice title={preview.problem} />}
      {preview.rows.length > 0 && (
        <div className={css.preview} role="region" aria-label="The first rows" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {preview.columns.map((each) => (
                  <th key={each} scope="col">
                    {each}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {preview.rows.map((row, i) => (
                <tr key={i}>
                  {preview.columns.map((each, at) => (
                    <td key={each} className="ellipsis" title={row[at]}>
                      {row[at]}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div className={css.two}>
        {FIELDS.filter((field) => ["input", "expected", "context"].includes(field) || columns[field]).map((field) => (
          <Select
            key={field}
            size="xs"
            label={`${field} is the column`}
            data={names}
            value={columns[field] ?? ""}
            allowDeselect={false}
            onChange={(value) => onColumns({ ...columns, [field]: value ?? "" })}
          />
        ))}
      </div>
      <p className="muted">Other columns are kept as metadata.</p>
    </>
  );
}

function Done({ told, onClose }: { told: WrittenCases; onClose: () => void }) {
  const parts = [
    told.added > 0 && `${formatInt(told.added)} added`,
    told.changed > 0 && `${formatInt(told.changed)} changed`,
    told.removed > 0 && `${formatInt(told.removed)} removed`,
    told.unchanged > 0 && `${formatInt(told.unchanged)} as they were`,
    (told.twice ?? 0) > 0 && `${formatInt(told.twice)} rows twice in the file`,
  ].filter(Boolean);
  return (
    <div className={css.form}>
      <Notice
        tone="good"
        title={
          told.created
            ? `Version ${told.version?.number} has ${plural(told.version?.cases ?? 0, "case")}`
            : "Nothing differs: there is no new version"
        }
      >
        {parts.join(", ")}
      </Notice>
      <Group justify="flex-end">
        <Button size="sm" onClick={onClose} data-autofocus>
          Look at them
        </Button>
      </Group>
    </div>
  );
}
