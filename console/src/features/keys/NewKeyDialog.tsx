import { MultiSelect, Select, TagsInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { inProject, post } from "@/api/client";
import { rolesOf } from "@/api/identity";
import { keysKey } from "@/api/queries";
import type { IssuedKey, MemberView, NewKey } from "@/api/types";
import { saying } from "@/features/people/roles";
import { Code } from "@/ui/Copy";
import { FormDialog } from "@/ui/FormDialog";
import { ShownOnce } from "@/ui/ShownOnce";
import { keepFreshKey } from "./freshKey";

const LIFETIMES = [
  { value: "", label: "Never" },
  { value: "1", label: "In a day" },
  { value: "7", label: "In a week" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
];
const ROLES = [
  { value: "client", label: "Call models" },
  { value: "read_only", label: "Read only: console and API" },
  { value: "reviewer", label: "Review: read traces, work review queues" },
  { value: "editor", label: "Edit: prompts, releases and rollouts, and read" },
  { value: "operator", label: "Operate: providers, routes, limits and rollouts, and read" },
];
const DAY = 86_400_000;

/** The role that a key of an account begins with: the account's own where keys know it. */
function roleFor(role: string): NewKey["role"] {
  const named = { developer: "editor", viewer: "read_only" }[role] ?? role;
  return (ROLES.some((each) => each.value === named) ? named : "client") as NewKey["role"];
}

interface Props {
  project: string;
  /** The service account whose key it becomes. */
  owner?: MemberView;
  onIssued: (issued: IssuedKey) => void;
  onClose: () => void;
}

export function NewKeyDialog({ project, owner, onIssued, onClose }: Props) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<NewKey["role"]>(owner ? roleFor(owner.role) : "client");
  const [days, setDays] = useState("");
  const [models, setModels] = useState<string[]>([]);
  const [permissions, setPermissions] = useState<string[]>([]);
  const queries = useQueryClient();
  const create = useMutation({
    mutationFn: () =>
      post<IssuedKey>(inProject(project, "keys"), {
        name: name.trim(),
        role,
        models: models.length > 0 ? models : null,
        permissions: permissions.length > 0 ? permissions : null,
        owner: owner?.id ?? null,
        expires: days ? Date.now() + Number(days) * DAY : null,
      } satisfies NewKey),
    onSuccess: async (issued) => {
      if (issued.key.role === "client") keepFreshKey(project, issued.secret);
      onIssued(issued);
      await queries.invalidateQueries({ queryKey: keysKey(project) });
    },
  });
  return (
    <FormDialog
      title={owner ? `Create a key of ${owner.name}` : "Create a key"}
      action="Create"
      off={!name.trim()}
      asking={create}
      onSubmit={() => create.mutate()}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        description="Who or what will use it."
        placeholder="support-bot"
        value={name}
        onChange={(e) => setName(e.currentTarget.value)}
        data-autofocus
      />
      <Select
        label="It may"
        data={ROLES}
        value={role}
        onChange={(value) => {
          setRole((value ?? "client") as NewKey["role"]);
          setPermissions([]);
        }}
        allowDeselect={false}
      />
      <Permissions project={project} role={role} owner={owner} value={permissions} onChange={setPermissions} />
      <TagsInput
        label="Models it may call"
        description="Names of models, routes or apps; one may end in *. Leave it empty for all."
        placeholder={models.length > 0 ? "" : "support, openai/*"}
        value={models}
        onChange={setModels}
      />
      <Select
        label="It ends"
        data={LIFETIMES}
        value={days}
        onChange={(value) => setDays(value ?? "")}
        allowDeselect={false}
      />
    </FormDialog>
  );
}

interface PermissionsProps {
  project: string;
  role: string;
  owner: MemberView | undefined;
  value: string[];
  onChange: (permissions: string[]) => void;
}

/** What of its role a key may do: all, or some of it. */
function Permissions({ project, role, owner, value, onChange }: PermissionsProps) {
  const known = useQuery(rolesOf({ kind: "project", slug: project }));
  const ofRole = known.data?.items.find((each) => each.name === role)?.permissions ?? [];
  return (
    <MultiSelect
      label="Only these permissions of it"
      description={
        owner
          ? `Never more than ${owner.name} may. Leave it empty for all.`
          : "Leave it empty for all that the role holds."
      }
      data={ofRole.filter((each) => each !== "self").map((each) => ({ value: each, label: saying(each) }))}
      value={value}
      onChange={onChange}
      searchable
    />
  );
}

/** The secret, the only time it can be shown. */
export function SecretDialog({
  project,
  issued,
  onClose,
}: {
  project: string;
  issued: IssuedKey;
  onClose: () => void;
}) {
  return (
    <ShownOnce
      title={issued.key.name}
      warning="Copy it now"
      because="This is the only time it is shown. Trimtab keeps its hash; if it is lost, create another."
      aside={
        issued.key.role === "client" && (
          <Link to="/p/$project/connect" params={{ project }}>
            Use it in a snippet
          </Link>
        )
      }
      testId="secret"
      onClose={onClose}
    >
      <Code text={issued.secret} label="Copy the key" wrap />
    </ShownOnce>
  );
}
