import { PasswordInput, Select, Switch, TagsInput, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { patch, post } from "@/api/client";
import { type IdentityProvider, identityProvidersQuery } from "@/api/identity";
import { meQuery, projectsQuery, waysInQuery } from "@/api/queries";
import type { RoleView } from "@/api/types";
import { EditDrawer, useEditing } from "@/ui/EditDrawer";
import { Notice } from "@/ui/Notice";
import { PlainButton } from "@/ui/PlainButton";
import css from "./people.module.css";
import {
  change,
  creation,
  EMPTY,
  formOf,
  type GroupLine,
  isCutOff,
  issuerFault,
  type ProviderForm,
  placeWords,
  secretFault,
} from "./providerForm";
import { givable } from "./words";

interface Props {
  /** None: a new one. */
  provider: IdentityProvider | undefined;
  roles: RoleView[];
  onClose: () => void;
}

/** How a provider is reached, whom it lets in, and what its groups give. */
export function ProviderEditor({ provider, roles, onClose }: Props) {
  const editing = useEditing({
    begin: () => (provider ? formOf(provider) : EMPTY),
    now: provider && { form: formOf(provider), revision: provider.revision },
    save: (form, _, revision) =>
      provider
        ? patch<IdentityProvider>(`/identity-providers/${encodeURIComponent(provider.name)}`, {
            ...change(form),
            expected_revision: revision,
          })
        : post<IdentityProvider>("/identity-providers", creation(form)),
    stale: [identityProvidersQuery().queryKey, waysInQuery().queryKey],
    onSaved: onClose,
  });
  const { form, set } = editing;
  const ready =
    [form.name, form.issuer, form.client_id].every((each) => each.trim()) &&
    !issuerFault(form.issuer) &&
    !secretFault(form, provider);
  return (
    <EditDrawer
      editing={editing}
      title={provider ? `Provider ${provider.name}` : "Add an identity provider"}
      size={720}
      gap={16}
      action={provider ? "Save" : "Add"}
      off={!ready || !editing.dirty}
      onClose={onClose}
    >
      <Reach form={form} provider={provider} set={set} />
      <GroupLines lines={form.roles} roles={roles} onChange={(lines) => set({ roles: lines })} />
      <WhoComesIn form={form} set={set} />
      {isCutOff(form, provider) && <EndSessions on={form.end_sessions} set={(on) => set({ end_sessions: on })} />}
    </EditDrawer>
  );
}

interface PartProps {
  form: ProviderForm;
  set: (more: Partial<ProviderForm>) => void;
}

function Reach({ form, provider, set }: PartProps & { provider: IdentityProvider | undefined }) {
  return (
    <>
      {!provider && (
        <TextInput
          label="Name"
          description="In addresses and on the command line: company."
          value={form.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          data-autofocus
        />
      )}
      <TextInput
        label="Words on the button"
        description="“Log in with …”. Left empty: its name."
        value={form.label}
        onChange={(event) => set({ label: event.currentTarget.value })}
      />
      <TextInput
        label="Issuer"
        description="Exactly as the provider's metadata has it: a slash at the end counts."
        placeholder="https://login.example.com/realms/main"
        value={form.issuer}
        onChange={(event) => set({ issuer: event.currentTarget.value })}
        error={issuerFault(form.issuer)}
      />
      <TextInput
        label="Client id"
        value={form.client_id}
        onChange={(event) => set({ client_id: event.currentTarget.value })}
      />
      <PasswordInput
        label="Client secret"
        description={
          provider?.has_secret ? "One is kept. Leave it empty to keep that." : "Leave it empty for a public client."
        }
        value={form.client_secret}
        error={secretFault(form, provider)}
        onChange={(event) => set({ client_secret: event.currentTarget.value, forget_secret: false })}
        autoComplete="off"
        visibilityToggleButtonProps={{ "aria-label": "Show the secret" }}
      />
      {provider?.has_secret && (
        <Switch
          label="Forget the secret: it is a public client now"
          checked={form.forget_secret}
          onChange={(event) => set({ forget_secret: event.currentTarget.checked, client_secret: "" })}
        />
      )}
    </>
  );
}

interface LinesProps {
  lines: GroupLine[];
  roles: RoleView[];
  /** Where roles can be given; left out: wherever the reader is. */
  within?: readonly string[];
  onChange: (lines: GroupLine[]) => void;
}

/** The first line that fits a place counts; the group `*` is everybody. */
export function GroupLines({ lines, roles, within, onChange }: LinesProps) {
  const projects = useQuery(projectsQuery());
  const me = useQuery(meQuery());
  const organisations = new Set([
    ...(projects.data ?? []).map((project) => project.organisation),
    ...(me.data?.organisations ?? []),
  ]);
  const places = within ?? [
    "instance",
    ...[...organisations].filter(Boolean).map((slug) => `organisation:${slug}`),
    ...(projects.data ?? []).map((project) => `project:${project.slug}`),
  ];
  const options = [...new Set([...places, ...lines.map((line) => line.place)])].map((value) => ({
    value,
    label: placeWords(value),
  }));
  const update = (id: number, more: Partial<GroupLine>) =>
    onChange(lines.map((line) => (line.id === id ? { ...line, ...more } : line)));
  const usual = places.find((place) => place !== "instance") ?? "instance";
  const next = 1 + Math.max(-1, ...lines.map((line) => line.id));
  return (
    <fieldset className={css.area}>
      <legend>What groups give</legend>
      <p className="muted">
        Of the lines that fit somebody, the first of each place counts. The group <code>*</code> is everybody.
      </p>
      <div className={css.lines}>
        {lines.map((line) => (
          <div key={line.id} className={css.line}>
            <TextInput
              className={css.lineFirst}
              aria-label="Group"
              placeholder="ml-team"
              value={line.group}
              onChange={(event) => update(line.id, { group: event.currentTarget.value })}
            />
            <Select
              className={css.lineWide}
              aria-label="Role"
              data={withOwn(givable(roles), line.role)}
              value={line.role}
              onChange={(role) => role && update(line.id, { role })}
              allowDeselect={false}
            />
            <Select
              className={css.lineWide}
              aria-label="Where"
              data={options}
              value={line.place}
              onChange={(place) => place && update(line.id, { place })}
              allowDeselect={false}
            />
            <span className={css.lineDrop}>
              <PlainButton
                onClick={() => onChange(lines.filter((each) => each.id !== line.id))}
                label={`Remove the line of ${line.group || "no group"}`}
              >
                <X size={14} />
              </PlainButton>
            </span>
          </div>
        ))}
      </div>
      <div>
        <PlainButton
          icon={<Plus size={13} />}
          onClick={() => onChange([...lines, { id: next, group: "", role: "viewer", place: usual }])}
        >
          Add a group
        </PlainButton>
      </div>
      {lines.some((line) => line.group.trim() === "*" && line.place === "instance") && (
        <Notice tone="warn" title="Everybody whom the provider knows gets this on the whole server">
          Bound it by addresses below, or give it in an organisation or a project.
        </Notice>
      )}
    </fieldset>
  );
}

/** A role of another organisation that a line has already. */
function withOwn(options: { value: string; label: string }[], role: string) {
  return options.some((each) => each.value === role) ? options : [...options, { value: role, label: role }];
}

/** What else ends where nobody comes in with a provider any more. */
export function EndSessions({ on, set }: { on: boolean; set: (on: boolean) => void }) {
  return (
    <Switch
      label="End the sessions that began with it"
      description="Now, in every browser and on every command line; yours, too, if you signed in with it. Off: they go on until they end by themselves."
      checked={on}
      onChange={(event) => set(event.currentTarget.checked)}
    />
  );
}

function WhoComesIn({ form, set }: PartProps) {
  return (
    <>
      <TextInput
        label="Where groups stand in the token"
        description="A claim such as groups, or a path such as realm_access.roles."
        value={form.groups_claim}
        onChange={(event) => set({ groups_claim: event.currentTarget.value })}
      />
      <TagsInput
        label="Domains of addresses that are let in"
        description="Leave it empty for all."
        placeholder={form.domains.length > 0 ? "" : "example.com"}
        value={form.domains}
        onChange={(domains) => set({ domains })}
      />
      <TagsInput
        label="Scopes"
        description="Some providers want one more for groups."
        value={form.scopes}
        onChange={(scopes) => set({ scopes })}
      />
      <Switch
        label="Let in only who was added before"
        description="Nobody becomes known by signing in alone."
        checked={form.invited_only}
        onChange={(event) => set({ invited_only: event.currentTarget.checked })}
      />
      <Switch
        label="Believe its addresses"
        description="For a provider that never says whether it has checked an address."
        checked={form.trust_email}
        onChange={(event) => set({ trust_email: event.currentTarget.checked })}
      />
      <Switch
        label="On"
        description="Off: its button is gone from the sign-in page, and nobody comes in with it."
        checked={form.enabled}
        onChange={(event) => set({ enabled: event.currentTarget.checked })}
      />
    </>
  );
}
