import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { UserPlus } from "lucide-react";
import { membersQuery, rolesQuery } from "@/api/queries";
import type { RoleView } from "@/api/types";
import { useMay } from "@/lib/role";
import { Empty, Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { WriteButton } from "@/ui/WriteButton";
import { AddDialog } from "./AddDialog";
import { MemberTable } from "./MemberTable";

const ROLE_COLUMNS: Column<RoleView>[] = [
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
  {
    id: "permissions",
    label: "holds",
    cell: (role) => (
      <details>
        <summary>{role.permissions.length} permissions</summary>
        <span className="mono muted">{role.permissions.join("  ")}</span>
      </details>
    ),
  },
];

/** "Who belongs here, and what may they do?" */
export function PeoplePage() {
  const { project } = useParams({ from: "/inside/p/$project/people" });
  const search = useSearch({ from: "/inside/p/$project/people" });
  const navigate = useNavigate({ from: "/p/$project/people" });
  const members = useQuery(membersQuery(project));
  const roles = useQuery(rolesQuery(project));
  const may = useMay("member:write");
  const listed = roles.data?.items ?? [];
  const add = may && (
    <WriteButton size="sm" leftSection={<UserPlus size={15} />} onClick={() => void navigate({ search: { new: "1" } })}>
      Add a member
    </WriteButton>
  );
  return (
    <Page
      title="People"
      lead={
        <>
          Members of this project and their roles. What programs may do is in{" "}
          <Link to="/p/$project/keys" params={{ project }}>
            Keys
          </Link>
          .
        </>
      }
      actions={members.data && members.data.length > 0 && add}
    >
      {members.isError && <ProblemNotice error={members.error} retry={() => void members.refetch()} />}
      {members.isPending && <Skeleton height={180} />}
      {members.data && members.data.length === 0 && (
        <Empty title="Nobody is a member of this project">
          <p>
            Whoever has the admin key may do everything here. Give people a role of their own instead: the audit log
            then says who did what, and nobody needs to share a key. People sign in with an identity provider:{" "}
            <code>trimtab identity-providers add</code>.
          </p>
          {add}
        </Empty>
      )}
      {members.data && members.data.length > 0 && (
        <MemberTable project={project} members={members.data} roles={listed} />
      )}
      {roles.isError && <ProblemNotice error={roles.error} retry={() => void roles.refetch()} />}
      {roles.data && (
        <section aria-label="Roles" style={{ display: "grid", gap: 10, marginTop: 24 }}>
          <h2>Roles</h2>
          <Panel>
            <DataTable
              label="Roles"
              columns={ROLE_COLUMNS}
              rows={listed.filter((role) => role.for_members)}
              rowKey={(role) => role.name}
            />
          </Panel>
        </section>
      )}
      {search.new && may && (
        <AddDialog
          project={project}
          roles={listed}
          onClose={() => void navigate({ search: { new: undefined }, replace: true })}
        />
      )}
    </Page>
  );
}
