import { Skeleton, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Bot, KeyRound, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { del, inProject, post } from "@/api/client";
import { serviceAccountsQuery } from "@/api/identity";
import { keysKey, ownedKeysQuery } from "@/api/queries";
import type { IssuedKey, KeyView, MemberView, RoleView } from "@/api/types";
import { KeyTable } from "@/features/keys/KeyTable";
import { NewKeyDialog, SecretDialog } from "@/features/keys/NewKeyDialog";
import { ReplaceDialog } from "@/features/keys/ReplaceDialog";
import { RevokeDialog } from "@/features/keys/RevokeDialog";
import { formatAgo, formatDateTime, plural } from "@/lib/format";
import { useInSight } from "@/lib/hooks";
import { useMay } from "@/lib/role";
import { Empty, Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { FormDialog } from "@/ui/FormDialog";
import { LongList } from "@/ui/LongList";
import { ProblemNotice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import css from "./people.module.css";
import { LEAST_ROLE, RoleField } from "./RoleField";

interface Props {
  project: string;
  roles: RoleView[];
  words: string | undefined;
  onWords: (words: string | undefined) => void;
  adding: boolean;
  onAdding: (on: boolean) => void;
}

/** "Which programs are members here, and with which keys do they come?" */
export function ServiceAccounts({ project, roles, words, onWords, adding, onAdding }: Props) {
  const found = useQuery(serviceAccountsQuery(project));
  const may = useMay("member:write");
  const add = (
    <WriteButton
      needs={null}
      size="sm"
      leftSection={<Bot size={15} />}
      why={may ? undefined : "Service accounts are made by who may add members."}
      onClick={() => onAdding(true)}
    >
      New service account
    </WriteButton>
  );
  return (
    <>
      <Pending of={found} height={180} />
      {found.data?.length === 0 && (
        <Empty title="No program is a member here">
          <p>
            A service account owns keys that do no more than its role and end with it. Give one to each job that works
            on its own: a nightly import, a pipeline that releases.
          </p>
          {add}
        </Empty>
      )}
      {found.data && found.data.length > 0 && (
        <>
          <div className={css.bar}>
            <p className="muted">Their keys do no more than their role, and end with them.</p>
            {add}
          </div>
          <LongList
            rows={found.data}
            noun="service account"
            textOf={(account) => `${account.name} ${account.role} ${account.id}`}
            words={words}
            onWords={onWords}
            placeholder="Name, role, or a whole id"
          >
            {(rows) => (
              <div style={{ display: "grid", gap: 14 }}>
                {rows.map((account) => (
                  <Account key={account.id} project={project} account={account} />
                ))}
              </div>
            )}
          </LongList>
        </>
      )}
      {adding && may && <NewAccount project={project} roles={roles} onClose={() => onAdding(false)} />}
    </>
  );
}

interface AccountProps {
  project: string;
  account: MemberView;
}

function Account({ project, account }: AccountProps) {
  const [ref, inSight] = useInSight();
  const keys = useQuery({ ...ownedKeysQuery(project, account.id), enabled: inSight });
  const [making, setMaking] = useState(false);
  const [issued, setIssued] = useState<IssuedKey | null>(null);
  const [revoking, setRevoking] = useState<KeyView | null>(null);
  const [replacing, setReplacing] = useState<KeyView | null>(null);
  const [leaving, setLeaving] = useState(false);
  const active = keys.data ?? [];
  return (
    <Panel>
      <div ref={ref} className={css.body} data-testid={`account-${account.name}`}>
        <AccountHead
          account={account}
          active={keys.data?.length}
          onMake={() => setMaking(true)}
          onLeave={() => setLeaving(true)}
        />
        {active.length > 0 && (
          <KeyTable project={project} keys={active} onRevoke={setRevoking} onReplace={setReplacing} bare />
        )}
        {keys.isError && <ProblemNotice error={keys.error} retry={() => void keys.refetch()} />}
        {keys.isLoading && <Skeleton height={40} />}
        {keys.data?.length === 0 && (
          <p className="muted">
            <KeyRound size={13} aria-hidden="true" /> It has no key: nothing can come in as it.
          </p>
        )}
      </div>
      {making && (
        <NewKeyDialog
          project={project}
          owner={account}
          onIssued={(made) => {
            setMaking(false);
            setIssued(made);
          }}
          onClose={() => setMaking(false)}
        />
      )}
      {issued && <SecretDialog project={project} issued={issued} onClose={() => setIssued(null)} />}
      <ReplaceDialog
        project={project}
        target={replacing}
        onIssued={(made) => {
          setReplacing(null);
          setIssued(made);
        }}
        onClose={() => setReplacing(null)}
      />
      <RevokeDialog project={project} target={revoking} onClose={() => setRevoking(null)} />
      <RemoveAccount
        project={project}
        account={leaving ? account : null}
        keys={active.length}
        onClose={() => setLeaving(false)}
      />
    </Panel>
  );
}

interface HeadProps {
  account: MemberView;
  active: number | undefined;
  onMake: () => void;
  onLeave: () => void;
}

function AccountHead({ account, active, onMake, onLeave }: HeadProps) {
  const may = useMay("member:write");
  const mayKeys = useMay("key:write");
  return (
    <div className={css.bar} style={{ margin: 0 }}>
      <div>
        <strong>{account.name}</strong> <Tag>{account.role}</Tag>
        <div className="muted">
          <span title={formatDateTime(account.since)}>since {formatAgo(account.since, Date.now())}</span>,{" "}
          {active !== undefined && `${plural(active, "active key")} · `}
          <code>{account.id}</code>
        </div>
      </div>
      <div className={css.acts}>
        <WriteButton
          needs={null}
          variant="default"
          leftSection={<Plus size={13} />}
          why={mayKeys ? undefined : "You may not make keys here."}
          onClick={onMake}
          aria-label={`Create a key of ${account.name}`}
        >
          Create a key
        </WriteButton>
        <WriteButton
          needs={null}
          variant="default"
          leftSection={<Trash2 size={13} />}
          why={may ? undefined : "You may not remove members here."}
          onClick={onLeave}
          aria-label={`Remove ${account.name}`}
        >
          Remove
        </WriteButton>
      </div>
    </div>
  );
}

interface RemoveProps {
  project: string;
  account: MemberView | null;
  keys: number;
  onClose: () => void;
}

function RemoveAccount({ project, account, keys, onClose }: RemoveProps) {
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: (id: string) => del(inProject(project, "service-accounts", id)),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: serviceAccountsQuery(project).queryKey });
      await queries.invalidateQueries({ queryKey: keysKey(project) });
      onClose();
    },
  });
  return (
    <Confirm
      opened={account !== null}
      title={`Remove ${account?.name}?`}
      action="Remove"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => account && remove.mutate(account.id)}
      onClose={() => {
        remove.reset();
        onClose();
      }}
    >
      {keys > 0 ? `Its ${plural(keys, "active key")} ${keys === 1 ? "ends" : "end"} at once, on every worker. ` : ""}
      What it did stays in the audit log. It cannot be undone.
    </Confirm>
  );
}

function NewAccount({ project, roles, onClose }: Pick<Props, "project" | "roles"> & { onClose: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<string>(LEAST_ROLE);
  const queries = useQueryClient();
  const add = useMutation({
    mutationFn: () => post<MemberView>(inProject(project, "service-accounts"), { name: name.trim(), role }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: serviceAccountsQuery(project).queryKey });
      onClose();
    },
  });
  return (
    <FormDialog
      title="New service account"
      action="Add"
      off={!name.trim()}
      asking={add}
      onSubmit={() => add.mutate()}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        description="What works with it."
        placeholder="nightly-import"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-autofocus
      />
      <RoleField roles={roles} value={role} onChange={setRole} />
    </FormDialog>
  );
}
