import { useMutation, useQuery } from "@tanstack/react-query";
import { LogIn, Pencil, Plug, Trash2 } from "lucide-react";
import { useState } from "react";
import { post } from "@/api/client";
import { type IdentityProvider, identityProvidersQuery, type ProviderCheck } from "@/api/identity";
import { waysInQuery } from "@/api/queries";
import type { RoleView } from "@/api/types";
import { plural } from "@/lib/format";
import { Empty, Facts, Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { Code } from "@/ui/Copy";
import { useLastSeen } from "@/ui/EditDrawer";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { useRemoval } from "@/ui/removal";
import { WriteButton } from "@/ui/WriteButton";
import { EndSessions, ProviderEditor } from "./ProviderEditor";
import css from "./people.module.css";
import { placeWords } from "./providerForm";
import { placeOfRole } from "./words";

interface Props {
  roles: RoleView[];
  /** The provider whose form is open, or `new`. */
  edit: string | undefined;
  onEdit: (edit: string | undefined) => void;
}

const providerPath = (name: string, ...more: string[]) =>
  ["/identity-providers", ...[name, ...more].map(encodeURIComponent)].join("/");

/** "How do people come in, and what do their groups give them?" */
export function SignInView({ roles, edit, onEdit }: Props) {
  const found = useQuery(identityProvidersQuery());
  const edited = useLastSeen(
    found.data?.find((each) => each.name === edit),
    edit,
  );
  const add = (
    <WriteButton needs="system:write" size="sm" leftSection={<LogIn size={15} />} onClick={() => onEdit("new")}>
      Add a provider
    </WriteButton>
  );
  if (found.isError || !found.data) return <Pending of={found} height={180} />;
  return (
    <>
      {found.data.length === 0 ? (
        <Empty title="People sign in with a key">
          <p>
            With an identity provider (any that speaks OpenID Connect) everybody signs in as themselves: groups give
            roles, who leaves the company signs in no more, and the audit log has names.
          </p>
          {add}
        </Empty>
      ) : (
        <>
          <div className={css.bar}>
            <p className="muted">They hold for the whole server; each is a button of the sign-in page.</p>
            {add}
          </div>
          <div style={{ display: "grid", gap: 14 }}>
            {found.data.map((each) => (
              <ProviderCard key={each.name} provider={each} onEdit={() => onEdit(each.name)} />
            ))}
          </div>
        </>
      )}
      {(edit === "new" || edited) && (
        <ProviderEditor key={edit} provider={edited} roles={roles} onClose={() => onEdit(undefined)} />
      )}
    </>
  );
}

function ProviderCard({ provider, onEdit }: { provider: IdentityProvider; onEdit: () => void }) {
  const [going, setGoing] = useState(false);
  const check = useMutation({ mutationFn: () => post<ProviderCheck>(providerPath(provider.name, "check")) });
  return (
    <Panel>
      <div className={css.body} data-testid={`provider-${provider.name}`}>
        <div className={css.bar} style={{ margin: 0 }}>
          <div>
            <strong>{provider.label || provider.name}</strong>{" "}
            {provider.enabled ? <Tag tone="accent">on</Tag> : <Tag tone="warn">off</Tag>}
            <div className="muted">{provider.issuer}</div>
          </div>
          <div className={css.acts}>
            <WriteButton
              needs="system:write"
              variant="default"
              leftSection={<Plug size={13} />}
              loading={check.isPending}
              onClick={() => check.mutate()}
              aria-label={`Test ${provider.name}`}
            >
              Test
            </WriteButton>
            <WriteButton
              needs="system:write"
              variant="default"
              leftSection={<Pencil size={13} />}
              onClick={onEdit}
              aria-label={`Edit ${provider.name}`}
            >
              Edit
            </WriteButton>
            <WriteButton
              needs="system:write"
              variant="default"
              leftSection={<Trash2 size={13} />}
              onClick={() => setGoing(true)}
              aria-label={`Remove ${provider.name}`}
            >
              Remove
            </WriteButton>
          </div>
        </div>
        {check.isError && <ProblemNotice error={check.error} />}
        {check.data && (
          <Notice tone="good" title="It answers, and its metadata is of this issuer">
            {plural(check.data.keys, "key")} to verify with. Sign-in begins at{" "}
            <code>{check.data.authorization_endpoint}</code>. The client id and its secret are only tried by signing in.
          </Notice>
        )}
        <Terms provider={provider} />
      </div>
      <RemoveProvider provider={going ? provider : null} onClose={() => setGoing(false)} />
    </Panel>
  );
}

function Terms({ provider }: { provider: IdentityProvider }) {
  return (
    <Facts
      rows={[
        ["Client id", <code key="c">{provider.client_id}</code>],
        ["Client secret", provider.has_secret ? "kept, encrypted" : "none: a public client"],
        ["Redirect URI", <Code key="r" text={provider.redirect_uri} label="Copy the redirect URI" wrap />],
        [
          `Groups in “${provider.groups_claim}”`,
          provider.roles.length === 0 ? (
            <span className="muted">give nothing; people are members by hand alone</span>
          ) : (
            <ul key="g" className={css.list}>
              {provider.roles.map((each) => (
                <li key={JSON.stringify(each)}>
                  {each.group === "*" ? "everybody" : <code>{each.group}</code>} → {each.role},{" "}
                  {placeWords(placeOfRole(each))}
                </li>
              ))}
            </ul>
          ),
        ],
        [
          "Addresses",
          provider.domains.length > 0 ? provider.domains.map((each) => `@${each}`).join(", ") : "of any domain",
        ],
        ["Let in", provider.invited_only ? "only who was added before" : "whoever has a role by a group or by hand"],
        ["E-mail", provider.trust_email && "believed though the provider does not vouch for it"],
        [
          "Scopes",
          <span key="s" className="mono">
            {provider.scopes.join(" ")}
          </span>,
        ],
      ]}
    />
  );
}

function RemoveProvider({ provider, onClose }: { provider: IdentityProvider | null; onClose: () => void }) {
  const [ends, setEnds] = useState(true);
  const remove = useRemoval({
    at: (each: IdentityProvider) => [`${providerPath(each.name)}?end_sessions=${ends}`, each.revision],
    stale: [identityProvidersQuery().queryKey, waysInQuery().queryKey],
    onRemoved: onClose,
  });
  return (
    <Confirm
      opened={provider !== null}
      title={`Remove ${provider?.label || provider?.name}?`}
      action="Remove"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => provider && remove.mutate(provider)}
      onClose={() => {
        remove.reset();
        setEnds(true);
        onClose();
      }}
    >
      <p>Nobody signs in with it any more. People, and what its groups or others gave them, stay.</p>
      <EndSessions on={ends} set={setEnds} />
    </Confirm>
  );
}
