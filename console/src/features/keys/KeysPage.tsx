import { Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { keysQuery } from "@/api/queries";
import type { IssuedKey, KeyView } from "@/api/types";
import { Empty } from "@/ui/bits";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { KeyTable } from "./KeyTable";
import { NewKeyDialog, SecretDialog } from "./NewKeyDialog";
import { PriorityDialog } from "./PriorityDialog";
import { ReplaceDialog } from "./ReplaceDialog";
import { RevokeDialog } from "./RevokeDialog";

/** "Who may call, and since when?" */
export function KeysPage() {
  const { project } = useParams({ from: "/inside/p/$project/keys" });
  const search = useSearch({ from: "/inside/p/$project/keys" });
  const navigate = useNavigate({ from: "/p/$project/keys" });
  const keys = useQuery(keysQuery(project));
  const [issued, setIssued] = useState<IssuedKey | null>(null);
  const [replacing, setReplacing] = useState<KeyView | null>(null);
  const [revoking, setRevoking] = useState<KeyView | null>(null);
  const [ranking, setRanking] = useState<KeyView | null>(null);
  const leaveDialog = () => void navigate({ search: (s) => ({ ...s, new: undefined }), replace: true });
  const onIssued = (key: IssuedKey) => {
    setIssued(key);
    // Coming back to this page later must not ask for yet another key.
    leaveDialog();
  };
  const all = search.show === "all";
  const rows = (keys.data ?? []).filter((key) => all || key.state === "active");
  const ended = (keys.data?.length ?? 0) - (keys.data ?? []).filter((key) => key.state === "active").length;
  const create = (
    <WriteButton
      needs="key:write"
      size="sm"
      leftSection={<Plus size={15} />}
      onClick={() => void navigate({ search: (s) => ({ ...s, new: "1" }) })}
    >
      Create a key
    </WriteButton>
  );
  return (
    <Page
      title="Keys"
      lead="Applications call with a key of this project. Each can be ended by itself, at once, everywhere."
      actions={
        <>
          {ended > 0 && (
            <Switch
              label={`Show ended (${ended})`}
              checked={all}
              onChange={(e) => void navigate({ search: { show: e.currentTarget.checked ? "all" : undefined } })}
            />
          )}
          {rows.length > 0 && create}
        </>
      }
    >
      <Pending of={keys} height={180} />
      {keys.data && rows.length === 0 && (
        <Empty title="No key yet">
          <p>
            Give each application or person a key of their own: calls are traced and costed by key, and one can be
            revoked without touching the others. The secret is shown once; Trimtab keeps only its hash.
          </p>
          {create}
        </Empty>
      )}
      {rows.length > 0 && (
        <KeyTable
          project={project}
          keys={rows}
          onRevoke={setRevoking}
          onReplace={setReplacing}
          onPriority={setRanking}
        />
      )}
      {search.new && <NewKeyDialog project={project} onIssued={onIssued} onClose={leaveDialog} />}
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
      {ranking && <PriorityDialog project={project} target={ranking} onClose={() => setRanking(null)} />}
    </Page>
  );
}
