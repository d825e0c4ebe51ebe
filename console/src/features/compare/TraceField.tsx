import { TextInput } from "@mantine/core";
import { traceIdIn } from "./traceId";

interface Props {
  label: string;
  value: string;
  onChange: (text: string) => void;
  first?: boolean;
}

/** A trace, by its id or by the address of its page. */
export function TraceField({ label, value, onChange, first }: Props) {
  return (
    <TextInput
      label={label}
      placeholder="Its id, or the address of its page"
      value={value}
      error={value.trim() !== "" && !traceIdIn(value) && "A trace id has 32 hexadecimal digits."}
      onChange={(event) => onChange(event.currentTarget.value)}
      data-autofocus={first || undefined}
    />
  );
}
