import { useMutation, useQueryClient } from "@tanstack/react-query";
import { del, inProject } from "@/api/client";
import { keysKey } from "@/api/queries";
import type { KeyView } from "@/api/types";
import { Confirm } from "@/ui/Confirm";

interface Props {
  project: string;
  target: KeyView | null;
  onClose: () => void;
}

export function RevokeDialog({ project, target, onClose }: Props) {
  const queries = useQueryClient();
  const revoke = useMutation({
    mutationFn: (key: KeyView) => del(inProject(project, "keys", key.id)),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: keysKey(project) });
      onClose();
    },
  });
  return (
    <Confirm
      opened={target !== null}
      title={`Revoke ${target?.name || target?.prefix}?`}
      action="Revoke"
      busy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => target && revoke.mutate(target)}
      onClose={() => {
        revoke.reset();
        onClose();
      }}
    >
      Whatever calls with <code>{target?.prefix}…</code> is refused from this moment on, on every worker. It cannot be
      undone. The traces and costs of its calls stay.
    </Confirm>
  );
}
