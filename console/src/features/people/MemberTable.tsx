import { Select } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { UserMinus } from "lucide-react";
import { useState } from "react";
import { del, patch } from "@/api/client";
import { at, membersOf, type Place } from "@/api/identity";
import type { MemberView, RoleView } from "@/api/types";
import { formatAgo, formatDateTime } from "@/lib/format";
import { useMayIn } from "@/lib/role";
import { Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";
import { givable, isByDirectory, sourceOf, stateOf } from "./words";

const TONES = { active: "accent", invited: "warn", disabled: "bad" } as const;

interface Props {
  place: Place;
  members: MemberView[];
  roles: RoleView[];
}

export function MemberTable({ place, members, roles }: Props) {
  const may = useMayIn("member:write", place);
  const queries = useQueryClient();
  const [leaving, setLeaving] = useState<MemberView | null>(null);
  const known = () => queries.invalidateQueries({ queryKey: membersOf(place).queryKey });
  const change = useMutation({
    mutationFn: ({ member, role }: { member: MemberView; role: string }) =>
      patch(at(place, "members", member.id), { role, expected_role: member.role }),
    onSettled: known,
  });
  const remove = useMutation({
    mutationFn: (member: MemberView) =>
      del(at(place, "members", member.id) + (isByDirectory(member) ? "?anyway=true" : "")),
    onSuccess: async () => {
      await known();
      setLeaving(null);
    },
  });
  const columns = columnsOf(roles, may, {
    onRole: (member, role) => change.mutate({ member, role }),
    onRemove: setLeaving,
  });
  return (
    <>
      {change.isError && <ProblemNotice error={change.error} />}
      <Panel>
        <DataTable label="Members" columns={columns} rows={members} rowKey={(member) => member.id} />
      </Panel>
      <Confirm
        opened={leaving !== null}
        title={`Remove ${leaving?.name}?`}
        action={leaving && isByDirectory(leaving) ? "Remove until then" : "Remove"}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => leaving && remove.mutate(leaving)}
        onClose={() => {
          remove.reset();
          setLeaving(null);
        }}
      >
        {leaving && isByDirectory(leaving) && (
          <p>
            <strong>The directory gives them this role, and will again with the provider's next change.</strong> To end
            it, take them out of the group at the provider, or change what the group means under “Organisation”.
          </p>
        )}
        They have nothing in this {place.kind} any more from this moment on, and the keys they own here end. What they
        did stays in the audit log.
      </Confirm>
    </>
  );
}

interface Acts {
  onRole: (member: MemberView, role: string) => void;
  onRemove: (member: MemberView) => void;
}

function columnsOf(roles: RoleView[], may: boolean, acts: Acts): Column<MemberView>[] {
  const now = Date.now();
  return [
    {
      id: "name",
      label: "name",
      cell: (member) => (
        <>
          <strong>{member.name}</strong>
          <div className="muted">{member.kind === "service" ? "service account" : member.email}</div>
        </>
      ),
    },
    {
      id: "role",
      label: "role",
      cell: (member) =>
        may && member.disabled === null ? (
          <Select
            size="xs"
            w={150}
            data={givable(roles)}
            value={member.role}
            onChange={(role) => role && role !== member.role && acts.onRole(member, role)}
            allowDeselect={false}
            aria-label={`Role of ${member.name}`}
          />
        ) : (
          member.role
        ),
    },
    { id: "state", label: "state", cell: (member) => <Tag tone={TONES[stateOf(member)]}>{stateOf(member)}</Tag> },
    { id: "source", label: "given", cell: (member) => <span className="muted">{sourceOf(member)}</span> },
    {
      id: "seen",
      label: "last signed in",
      cell: (member) =>
        member.seen === null ? (
          <span className="muted">{member.kind === "service" ? "" : "never"}</span>
        ) : (
          <span title={formatDateTime(member.seen)}>{formatAgo(member.seen, now)}</span>
        ),
    },
    {
      id: "actions",
      label: "",
      align: "right",
      cell: (member) =>
        may && (
          <WriteButton
            needs={null}
            variant="default"
            leftSection={<UserMinus size={13} />}
            onClick={() => acts.onRemove(member)}
            aria-label={`Remove ${member.name}`}
          >
            Remove
          </WriteButton>
        ),
    },
  ];
}
