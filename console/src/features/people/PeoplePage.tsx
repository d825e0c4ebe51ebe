import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { rolesOf } from "@/api/identity";
import { meQuery, projectsQuery } from "@/api/queries";
import { heldIn } from "@/lib/role";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Tabs } from "@/ui/Tabs";
import { DirectoryView } from "./DirectoryView";
import { Everybody } from "./Everybody";
import { PlaceMembers } from "./PlaceMembers";
import { RolesView } from "./RolesView";
import { ServiceAccounts } from "./ServiceAccounts";
import { SignInView } from "./SignInView";

const ROUTE = "/inside/p/$project/people";
const VIEWS = [
  { id: "members", label: "Members" },
  { id: "service", label: "Service accounts" },
  { id: "roles", label: "Roles" },
  { id: "organisation", label: "Organisation" },
] as const;
/** Of the whole server: for who may see that. */
const WHOLE = [
  { id: "sign-in", label: "Sign-in" },
  { id: "everybody", label: "Everybody" },
] as const;
type View = (typeof VIEWS | typeof WHOLE)[number]["id"];

/** "Who belongs here, what may they do, and how do they come in?" */
export function PeoplePage() {
  const { project } = useParams({ from: ROUTE });
  const search = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: "/p/$project/people" });
  const me = useQuery(meQuery());
  const projects = useQuery(projectsQuery());
  const roles = useQuery(rolesOf({ kind: "project", slug: project }));
  const organisation = projects.data?.find((each) => each.slug === project)?.organisation ?? "";
  const tabs = heldIn(me.data, undefined).has("member:read") ? [...VIEWS, ...WHOLE] : VIEWS;
  const view: View = tabs.find((each) => each.id === search.view)?.id ?? "members";
  const set = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const adding = search.new === "1";
  const onAdding = (on: boolean) => set({ new: on ? "1" : undefined });
  const onEdit = (edit: string | undefined) => set({ edit });
  const items = roles.data?.items ?? [];
  const views: Record<View, () => ReactNode> = {
    members: () => (
      <PlaceMembers place={{ kind: "project", slug: project }} roles={items} adding={adding} onAdding={onAdding} />
    ),
    service: () => (
      <ServiceAccounts
        project={project}
        roles={items}
        words={search.find}
        onWords={(find) => void navigate({ search: (was) => ({ ...was, find }), replace: true })}
        adding={adding}
        onAdding={onAdding}
      />
    ),
    roles: () =>
      roles.data && organisation ? (
        <RolesView project={project} organisation={organisation} list={roles.data} edit={search.edit} onEdit={onEdit} />
      ) : (
        <Skeleton height={240} />
      ),
    organisation: () =>
      organisation ? (
        <>
          <PlaceMembers
            place={{ kind: "organisation", slug: organisation }}
            roles={items}
            adding={adding}
            onAdding={onAdding}
          />
          <DirectoryView organisation={organisation} roles={items} edit={search.edit} onEdit={onEdit} />
        </>
      ) : (
        <Skeleton height={180} />
      ),
    "sign-in": () => <SignInView roles={items} edit={search.edit} onEdit={onEdit} />,
    everybody: () => <Everybody />,
  };
  return (
    <Page
      title="People"
      lead={
        <>
          Who belongs here, and as what. Keys of applications are in{" "}
          <Link to="/p/$project/keys" params={{ project }}>
            Keys
          </Link>
          , your own sessions in{" "}
          <Link to="/p/$project/account" params={{ project }}>
            Your account
          </Link>
          .
        </>
      }
    >
      {roles.isError && <ProblemNotice error={roles.error} retry={() => void roles.refetch()} />}
      <Tabs
        label="Views"
        tabs={tabs}
        value={view}
        onChange={(id) => void navigate({ search: { view: id === "members" ? undefined : id } })}
      >
        {views[view]()}
      </Tabs>
    </Page>
  );
}
