import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { foundKeysQuery } from "@/api/queries";
import type { KeyView } from "@/api/types";
import { useKeyName } from "@/lib/keyName";
import { optionsOf } from "./keyOptions";

interface Props {
  project: string;
  label: string;
  description?: ReactNode;
  placeholder?: string;
  /** A key's id, or one of `also`. */
  value: string | null;
  onChange: (value: string | null) => void;
  /** Ended ones are offered, too: they did what they did. */
  ended?: boolean;
  /** Which of those that are found are offered. */
  fits?: (key: KeyView) => boolean;
  /** What is offered besides: keys of the server, or who acts where nobody does. */
  also?: readonly { value: string; label: string }[];
  clearable?: boolean;
  off?: boolean;
  w?: number;
}

/** A key of the project by its name: the server looks for what is typed, for a project may have thousands. */
export function KeySelect(props: Props) {
  const { project, value, onChange, ended, fits, also = [] } = props;
  const [typed, setTyped] = useState("");
  const [q] = useDebouncedValue(typed.trim(), 200);
  const nameOf = useKeyName(project, value && !also.some((each) => each.value === value) ? [value] : []);
  const chosen = value
    ? { value, label: also.find((each) => each.value === value)?.label ?? nameOf(value) }
    : undefined;
  // The field says the chosen one's name: that is not what somebody looks for.
  const asked = q === chosen?.label ? "" : q;
  const found = useQuery(foundKeysQuery(project, { q: asked || undefined, state: ended ? undefined : "active" }));
  const options = optionsOf({
    found: found.data,
    fits,
    also,
    q: asked,
    chosen,
  });
  return (
    <Select
      label={props.label}
      description={props.description}
      placeholder={props.placeholder}
      clearable={props.clearable}
      disabled={props.off}
      w={props.w}
      data={options}
      value={value}
      // What the server found fits: by its name, the start of its secret, or its id.
      filter={({ options: given }) => given}
      onChange={onChange}
      searchable
      onSearchChange={setTyped}
      maxDropdownHeight={300}
      nothingFoundMessage={found.isFetching ? "Looking…" : (found.error?.message ?? "No key fits.")}
      error={found.isError ? found.error.message : undefined}
    />
  );
}
