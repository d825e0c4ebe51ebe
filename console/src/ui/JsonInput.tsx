import { Textarea } from "@mantine/core";
import { roundedIn } from "./wholeNumbers";

interface Props {
  label: string;
  description?: string;
  placeholder?: string;
  value: string;
  onChange: (value: string) => void;
  error?: string;
  rows?: number;
}

/** A field for JSON; it is put in shape when one leaves it, and kept as it is while it cannot be read. */
export function JsonInput({ label, description, placeholder, value, onChange, error, rows = 3 }: Props) {
  return (
    <Textarea
      label={label}
      description={description}
      placeholder={placeholder}
      autosize
      minRows={rows}
      maxRows={24}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      onBlur={() => onChange(inShape(value))}
      error={error}
      spellCheck={false}
      classNames={{ input: "mono" }}
    />
  );
}

export function inShape(text: string): string {
  try {
    if (text.trim() === "") return "";
    const value: unknown = JSON.parse(text);
    return roundedIn(value) === undefined ? JSON.stringify(value, null, 2) : text;
  } catch {
    return text;
  }
}
