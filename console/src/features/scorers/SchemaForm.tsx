import { MultiSelect, Select, Switch, TagsInput, Textarea, TextInput } from "@mantine/core";
import { JsonInput } from "@/ui/JsonInput";
import type { Field, Written } from "./schemaForm";
import css from "./scorers.module.css";

interface Props {
  fields: readonly Field[];
  form: Record<string, Written>;
  wrong: Record<string, string>;
  onChange: (name: string, value: Written) => void;
}

/** The options of a scorer, a field each. */
export function SchemaForm({ fields, form, wrong, onChange }: Props) {
  if (fields.length === 0) return <p className="muted">It has no options.</p>;
  return (
    <div className={css.form}>
      {fields.map((field) => (
        <OneField
          key={field.name}
          field={field}
          value={form[field.name] ?? ""}
          error={wrong[field.name]}
          onChange={(value) => onChange(field.name, value)}
        />
      ))}
    </div>
  );
}

interface FieldProps {
  field: Field;
  value: Written;
  error: string | undefined;
  onChange: (value: Written) => void;
}

const LONG = /prompt|rubric|instruction|criteria|template/;

function OneField({ field, value, error, onChange }: FieldProps) {
  const common = { label: field.label, description: field.about || undefined, error, required: field.required };
  const text = typeof value === "string" ? value : "";
  if (field.kind === "switch")
    return (
      <Switch
        label={field.label}
        description={common.description}
        checked={value === true}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    );
  if (field.kind === "choice")
    return (
      <Select
        {...common}
        data={field.choices}
        value={text || null}
        allowDeselect={field.nullable}
        onChange={(next) => onChange(next ?? "")}
      />
    );
  if (field.kind === "list" && field.choices.length > 0)
    return (
      <MultiSelect {...common} data={field.choices} value={Array.isArray(value) ? value : []} onChange={onChange} />
    );
  if (field.kind === "list")
    return <TagsInput {...common} value={Array.isArray(value) ? value : []} onChange={onChange} splitChars={[]} />;
  if (field.kind === "json")
    return (
      <JsonInput label={field.label} description={common.description} value={text} error={error} onChange={onChange} />
    );
  if (field.kind === "text" && LONG.test(field.name))
    return (
      <Textarea
        {...common}
        autosize
        minRows={3}
        maxRows={16}
        value={text}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  return (
    <TextInput
      {...common}
      inputMode={field.kind === "text" ? undefined : "decimal"}
      value={text}
      onChange={(event) => onChange(event.currentTarget.value)}
      spellCheck={false}
    />
  );
}
