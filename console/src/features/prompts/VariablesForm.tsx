import { NativeSelect, Textarea, TextInput } from "@mantine/core";
import type { PreviewVariable } from "@/api/types";
import css from "./prompts.module.css";
import { isJson, type Texts, textOf } from "./variables";

interface Props {
  variables: PreviewVariable[];
  texts: Texts;
  errors: Texts;
  onChange: (change: Texts) => void;
}

/** A field for each variable, of its type; what it says first is its default or an example. */
export function VariablesForm({ variables, texts, errors, onChange }: Props) {
  if (variables.length === 0) return null;
  return (
    <section className={css.variables} aria-label="Variables">
      <h2>Variables</h2>
      <div className={css.fields}>
        {variables.map((one) => (
          <Field
            key={one.name}
            one={one}
            text={textOf(texts, one)}
            error={errors[one.name]}
            onChange={(text) => onChange({ [one.name]: text })}
          />
        ))}
      </div>
    </section>
  );
}

interface FieldProps {
  one: PreviewVariable;
  text: string;
  error: string | undefined;
  onChange: (text: string) => void;
}

function Field({ one, text, error, onChange }: FieldProps) {
  const { variable } = one;
  const from = one.source ? `asked for by ${one.source}` : "";
  const common = {
    label: (
      <>
        <span className="mono">{one.name}</span> <span className="muted">{variable.type}</span>
      </>
    ),
    "aria-label": one.name,
    description: [variable.description, from].filter(Boolean).join("; ") || undefined,
    required: one.required,
    withAsterisk: one.required,
    error,
    value: text,
    spellCheck: false,
  };
  const choices = variable.type === "boolean" ? ["true", "false"] : variable.enum.map(String);
  if (choices.length > 0) {
    const data = choices.includes(text) ? choices : ["", ...choices];
    return <NativeSelect {...common} data={data} onChange={(event) => onChange(event.currentTarget.value)} />;
  }
  if (variable.type === "integer" || variable.type === "number")
    return <TextInput {...common} inputMode="decimal" onChange={(event) => onChange(event.currentTarget.value)} />;
  return (
    <Textarea
      {...common}
      autosize
      minRows={isJson(variable) ? 3 : 1}
      maxRows={10}
      classNames={isJson(variable) ? { input: "mono" } : undefined}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
