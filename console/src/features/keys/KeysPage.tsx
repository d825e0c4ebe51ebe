import { Button, Switch } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { type KeyFilter, keyCountQuery, keyPagesQuery } from "@/api/queries";
import type { IssuedKey, KeyView } from "@/api/types";
import { Empty } from "@/ui/bits";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { told } from "@/ui/portion";
import { Words } from "@/ui/Words";
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
  const all = search.show === "all";
  const q = search.q ?? "";
  const filter: KeyFilter = { q: search.q, state: all ? undefined : "active" };
  const keys = useInfiniteQuery(keyPagesQuery(project, filter));
  const ended = useQuery(keyCountQuery(project, { q: search.q, state: "ended" })).data ?? 0;
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
  const rows = keys.data?.pages.flatMap((page) => page.items) ?? [];
  const total = keys.data?.pages[0]?.total ?? 0;
  const onWords = (words: string) => void navigate({ search: (s) => ({ ...s, q: words || undefined }), replace: true });
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
          {(ended > 0 || all) && (
            <Switch
              label={`Show ended (${ended})`}
              checked={all}
              onChange={(e) => void navigate({ search: (s) => ({ ...s, show: on(e.currentTarget.checked) }) })}
            />
          )}
          {(rows.length > 0 || q) && create}
        </>
      }
    >
      {(total > 0 || q || keys.isPlaceholderData) && (
        <Words
          words={q}
          onWords={onWords}
          label="Words in keys"
          placeholder="Name, or the start of a secret"
          told={keys.data ? told(total, q, "key") : ""}
        />
      )}
      <Pending of={keys} height={180} />
      {keys.data && rows.length === 0 && q && (
        <Empty title="No key fits">
          <p>
            Each word must be in the name, or be how the secret starts
            {ended > 0 && !all && "; ended keys do fit"}.
          </p>
          <Button variant="default" onClick={() => onWords("")}>
            Show all
          </Button>
        </Empty>
      )}
      {keys.data && rows.length === 0 && !q && !keys.isPlaceholderData && (
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
      {keys.hasNextPage && (
        <Button variant="default" mt={12} loading={keys.isFetchingNextPage} onClick={() => void keys.fetchNextPage()}>
          Show more
        </Button>
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

const on = (checked: boolean) => (checked ? "all" : undefined);
