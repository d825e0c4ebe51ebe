import { useMutation, useQueryClient } from "@tanstack/react-query";
import { inProject, post } from "@/api/client";
import { keysKey } from "@/api/queries";
import type { IssuedKey, KeyView, NewKey } from "@/api/types";
import { Confirm } from "@/ui/Confirm";

interface Props {
  project: string;
  target: KeyView | null;
  onIssued: (issued: IssuedKey) => void;
  onClose: () => void;
}

/** What a key is made of that is to stand in for another: all that it may, as long as it has, and no earlier in a queue. */
export function successorOf(key: KeyView): NewKey {
  const { name, expires, environments, permissions, models, owner, priority, id: replaces } = key;
  const role = key.role as NewKey["role"];
  return { name, role, expires, environments, permissions, models, owner, priority, replaces };
}

/** A key for a key: the new one first, the old one ended when nothing calls with it any more. */
export function ReplaceDialog({ project, target, onIssued, onClose }: Props) {
  const queries = useQueryClient();
  const replace = useMutation({
    mutationFn: (key: KeyView) => post<IssuedKey>(inProject(project, "keys"), successorOf(key)),
    onSuccess: async (issued) => {
      await queries.invalidateQueries({ queryKey: keysKey(project) });
      onIssued(issued);
    },
  });
  return (
    <Confirm
      opened={target !== null}
      title={`Replace ${target?.name || target?.prefix}?`}
      action="Make the new key"
      mild
      busy={replace.isPending}
      error={replace.error}
      onConfirm={() => target && replace.mutate(target)}
      onClose={() => {
        replace.reset();
        onClose();
      }}
    >
      A second key is made that may do the same{target?.expires ? " and ends when this one does" : ""}. Limits go on
      with both as one: what is used of a budget stays used. Both work: put the new one in, look at “its calls” until
      none comes with <code>{target?.prefix}…</code>, then revoke that.
    </Confirm>
  );
}
