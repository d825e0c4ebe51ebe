import { useQuery } from "@tanstack/react-query";
import { Copy, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { at, membersOf, type Place, rolesOf } from "@/api/identity";
import type { MemberView, RoleList, RoleView } from "@/api/types";
import { plural } from "@/lib/format";
import { useMayIn } from "@/lib/role";
import { Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { useLastSeen } from "@/ui/EditDrawer";
import { useRemoval } from "@/ui/removal";
import { WriteButton } from "@/ui/WriteButton";
import css from "./people.module.css";
import { RoleEditor } from "./RoleEditor";
import { holdersOf } from "./roles";

interface Props {
  project: string;
  /** The slug of the organisation whose roles they are. */
  organisation: string;
  list: RoleList;
  /** Which is open: a role's name, `new`, or `like:NAME` for one that begins as another. */
  edit: string | undefined;
  onEdit: (edit: string | undefined) => void;
}

/** "What may each role do, who has it, and what do we need that is not among them?" */
export function RolesView({ project, organisation, list, edit, onEdit }: Props) {
  const place: Place = { kind: "organisation", slug: organisation };
  const may = useMayIn("role:write", place);
  const here = useQuery(membersOf({ kind: "project", slug: project }));
  const above = useQuery({ ...membersOf(place), enabled: organisation !== "" });
  const members = [...(here.data ?? []), ...(above.data ?? [])];
  const [going, setGoing] = useState<RoleView | null>(null);
  const base = edit?.startsWith("like:") ? list.items.find((role) => role.name === edit.slice(5)) : undefined;
  const edited = useLastSeen(
    list.items.find((role) => role.name === edit && !role.built_in),
    edit,
  );
  return (
    <>
      <div className={css.bar}>
        <p className="muted">
          Your own roles hold in every project of the organisation <code>{organisation}</code>.
        </p>
        <WriteButton
          needs={null}
          size="sm"
          leftSection={<Plus size={15} />}
          why={may ? undefined : "Roles are made by who may change them in the organisation."}
          onClick={() => onEdit("new")}
        >
          New role
        </WriteButton>
      </div>
      <Panel>
        <DataTable
          label="Roles"
          columns={columns(members, may, { onEdit, onRemove: setGoing })}
          rows={list.items.filter((role) => role.for_members)}
          rowKey={(role) => role.name}
        />
      </Panel>
      {(edit === "new" || base || edited) && may && (
        <RoleEditor
          key={edit}
          place={place}
          list={list}
          role={edited}
          base={base}
          holders={edited ? holdersOf(edited.name, members) : []}
          onClose={() => onEdit(undefined)}
        />
      )}
      <RemoveRole place={place} role={going} onClose={() => setGoing(null)} />
    </>
  );
}

interface Acts {
  onEdit: (edit: string) => void;
  onRemove: (role: RoleView) => void;
}

function columns(members: MemberView[], may: boolean, acts: Acts): Column<RoleView>[] {
  return [
    {
      id: "name",
      label: "role",
      cell: (role) => (
        <>
          <strong>{role.name}</strong> {!role.built_in && <Tag tone="accent">own</Tag>}
        </>
      ),
    },
    { id: "about", label: "what it is for", cell: (role) => role.about },
    { id: "holds", label: "holds", cell: (role) => <Holds permissions={role.permissions} /> },
    { id: "who", label: "who has it", cell: (role) => <Holders found={holdersOf(role.name, members)} /> },
    {
      id: "actions",
      label: "",
      align: "right",
      cell: (role) => may && <RoleActs role={role} {...acts} />,
    },
  ];
}

function Holds({ permissions }: { permissions: string[] }) {
  return (
    <details>
      <summary>{plural(permissions.length, "permission")}</summary>
      <span className="mono muted">{permissions.join("  ")}</span>
    </details>
  );
}

function Holders({ found }: { found: MemberView[] }) {
  if (found.length === 0) return <span className="muted">nobody</span>;
  const names = [...new Set(found.map((member) => member.name || member.email))];
  return (
    <span title={names.join(", ")}>
      {names.slice(0, 3).join(", ")}
      {names.length > 3 && ` and ${names.length - 3} more`}
    </span>
  );
}

function RoleActs({ role, onEdit, onRemove }: Acts & { role: RoleView }) {
  return (
    <span className={css.acts}>
      <WriteButton
        needs={null}
        variant="default"
        leftSection={<Copy size={13} />}
        onClick={() => onEdit(`like:${role.name}`)}
        aria-label={`As a start for a new role: ${role.name}`}
      >
        As a start
      </WriteButton>
      {!role.built_in && (
        <>
          <WriteButton
            needs={null}
            variant="default"
            leftSection={<Pencil size={13} />}
            onClick={() => onEdit(role.name)}
            aria-label={`Edit ${role.name}`}
          >
            Edit
          </WriteButton>
          <WriteButton
            needs={null}
            variant="default"
            leftSection={<Trash2 size={13} />}
            onClick={() => onRemove(role)}
            aria-label={`Remove ${role.name}`}
          >
            Remove
          </WriteButton>
        </>
      )}
    </span>
  );
}

function RemoveRole({ place, role, onClose }: { place: Place; role: RoleView | null; onClose: () => void }) {
  const remove = useRemoval({
    at: (each: RoleView) => [at(place, "roles", each.name), each.revision],
    stale: [[rolesOf(place).queryKey[0]]],
    onRemoved: onClose,
  });
  return (
    <Confirm
      opened={role !== null}
      title={`Remove the role ${role?.name}?`}
      action="Remove"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => role && remove.mutate(role)}
      onClose={() => {
        remove.reset();
        onClose();
      }}
    >
      It can only be removed while nobody has it, in any project of the organisation. What was done with it stays in the
      audit log.
    </Confirm>
  );
}
