import { useQuery } from "@tanstack/react-query";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { inProject } from "@/api/client";
import { callPoliciesQuery } from "@/api/queries";
import type { CallPolicyView } from "@/api/types";
import { Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { IconButton } from "@/ui/IconButton";
import { ProblemNotice } from "@/ui/Notice";
import { useRemoval } from "@/ui/removal";
import { WriteButton } from "@/ui/WriteButton";
import { CallPolicyEditor } from "./CallPolicyEditor";
import css from "./cache.module.css";
import { cacheWords, contextWords } from "./callPolicy";

const DECLARED = "The config file declares it: change it there.";

/** "For which names are answers kept, and conversations shortened?" */
export function CallPolicies({ project }: { project: string }) {
  const policies = useQuery(callPoliciesQuery(project));
  const [editing, setEditing] = useState<CallPolicyView | "new" | null>(null);
  const [removing, setRemoving] = useState<CallPolicyView | null>(null);
  // As it is now, for the form to tell what somebody else changed meanwhile; as it was where they removed it.
  const edited =
    editing === "new" ? undefined : (policies.data?.find((each) => each.name === editing?.name) ?? editing);
  const remove = useRemoval({
    at: (policy: CallPolicyView) => [inProject(project, "policies", policy.name), policy.revision],
    stale: [callPoliciesQuery(project).queryKey],
    onRemoved: () => setRemoving(null),
  });
  return (
    <section className={css.panel} aria-label="What holds by name">
      <header className={css.head}>
        <h2>What holds by name</h2>
        <WriteButton
          needs="cache:write"
          variant="default"
          leftSection={<Plus size={14} />}
          onClick={() => setEditing("new")}
        >
          Add a name
        </WriteButton>
      </header>
      {policies.isError && <ProblemNotice error={policies.error} retry={() => void policies.refetch()} />}
      {policies.data?.length === 0 && (
        <p className={css.none}>No name yet: every call asks its provider, with the conversation as it came.</p>
      )}
      {policies.data && policies.data.length > 0 && (
        <DataTable
          label="What holds by name"
          columns={columnsOf(setEditing, setRemoving)}
          rows={policies.data}
          rowKey={(row) => row.name}
        />
      )}
      {editing && <CallPolicyEditor project={project} policy={edited ?? undefined} onClose={() => setEditing(null)} />}
      <Confirm
        opened={removing !== null}
        title={`Remove what holds for ${removing?.name}?`}
        action="Remove"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => removing && remove.mutate(removing)}
        onClose={() => {
          remove.reset();
          setRemoving(null);
        }}
      >
        Its calls ask their provider again, with the whole conversation. Answers that are kept are not given any more.
      </Confirm>
    </section>
  );
}

function columnsOf(
  onEdit: (policy: CallPolicyView) => void,
  onRemove: (policy: CallPolicyView) => void,
): Column<CallPolicyView>[] {
  const words = (text: string) => text || <span className="muted">off</span>;
  const why = (policy: CallPolicyView) => (policy.source === "config" ? DECLARED : undefined);
  return [
    {
      id: "name",
      label: "called name",
      cell: (policy) => (
        <>
          <strong>{policy.name}</strong> {!policy.in_force && <Tag tone="warn">nothing has that name</Tag>}
        </>
      ),
    },
    { id: "cache", label: "cache", cell: (policy) => words(cacheWords(policy)) },
    { id: "context", label: "context", cell: (policy) => words(contextWords(policy)) },
    {
      id: "change",
      label: "",
      align: "right",
      cell: (policy) => (
        <span className={css.acts}>
          <IconButton
            icon={Pencil}
            needs="cache:write"
            onClick={() => onEdit(policy)}
            why={why(policy)}
            label={`Edit what holds for ${policy.name}`}
          />
          <IconButton
            icon={Trash2}
            needs="cache:write"
            onClick={() => onRemove(policy)}
            why={why(policy)}
            label={`Remove what holds for ${policy.name}`}
          />
        </span>
      ),
    },
  ];
}
