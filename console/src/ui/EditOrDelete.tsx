import type { QueryKey } from "@tanstack/react-query";
import { Pencil, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Confirm } from "./Confirm";
import { IconButton } from "./IconButton";
import { useRemoval } from "./removal";

interface Props {
  /** What is edited or deleted, where it is, and which revision of it is shown. */
  thing: { name: string; revision: number };
  path: string;
  /** What was read before and is another once it is gone. */
  stale: QueryKey;
  needs: string;
  /** Why it can be neither edited nor deleted. */
  why?: string;
  /** Why it cannot be deleted. */
  whyKept?: string;
  onEdit: () => void;
  /** What goes with it, and what stays. */
  children: ReactNode;
}

/** A thing's two last buttons. The second asks first. */
export function EditOrDelete({ thing, path, stale, needs, why, whyKept, onEdit, children }: Props) {
  const [asking, setAsking] = useState(false);
  const remove = useRemoval({
    at: () => [path, thing.revision],
    stale: [stale],
    onRemoved: () => setAsking(false),
  });
  return (
    <>
      <IconButton icon={Pencil} label={`Edit ${thing.name}`} needs={needs} why={why} onClick={onEdit} />
      <IconButton
        icon={Trash2}
        label={`Delete ${thing.name}`}
        needs={needs}
        why={why ?? whyKept}
        onClick={() => setAsking(true)}
      />
      <Confirm
        opened={asking}
        title={`Delete ${thing.name}?`}
        action="Delete"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate()}
        onClose={() => {
          remove.reset();
          setAsking(false);
        }}
      >
        {children}
      </Confirm>
    </>
  );
}
