import { Select } from "@mantine/core";
import type { RoleView } from "@/api/types";
import { givable, summaryOf } from "./words";

/** What a new member begins with. */
export const LEAST_ROLE = "viewer";

interface Props {
  roles: RoleView[];
  value: string;
  onChange: (role: string) => void;
}

/** What somebody may do here, in one word and in a sentence. */
export function RoleField({ roles, value, onChange }: Props) {
  return (
    <Select
      label="Role"
      description={summaryOf(roles.find((each) => each.name === value))}
      data={givable(roles)}
      value={value}
      onChange={(role) => onChange(role ?? LEAST_ROLE)}
      allowDeselect={false}
    />
  );
}
