import { Button, Menu } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { MoreHorizontal } from "lucide-react";
import { useState } from "react";
import { changeItem, itemQuery, reviewKey } from "@/api/review";
import type { ItemChange, ItemView } from "@/api/reviewTypes";
import { useKeyName } from "@/lib/keyName";
import { useMay } from "@/lib/role";
import { Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { FormDialog } from "@/ui/FormDialog";
import { ProblemNotice } from "@/ui/Notice";
import { KeySelect } from "../keys/KeySelect";
import css from "./review.module.css";

interface Props {
  project: string;
  item: ItemView;
  /** The reviewer's key, once the item is theirs. */
  me: string;
  onGone: () => void;
  /** Still theirs to decide, but whoever assigns an item takes its claim away. */
  onStays: () => void;
}

const MOST_OPINIONS = 3;

/** Whose it is and how many opinions it takes; and to change either, or to take it off the queue. */
export function ItemActions({ project, item, me, onGone, onStays }: Props) {
  const queries = useQueryClient();
  const [dropping, setDropping] = useState(false);
  const mayName = useMay("key:read");
  const [assigning, setAssigning] = useState(false);
  const nameOf = useKeyName(project, mayName && item.assignee && item.assignee !== me ? [item.assignee] : []);
  const change = useMutation({
    mutationFn: (wanted: ItemChange) => changeItem(project, item.id, wanted),
    onSuccess: async (made, wanted) => {
      queries.setQueryData(itemQuery(project, item.id).queryKey, made);
      if (wanted.drop || (made.assignee && made.assignee !== me)) onGone();
      else onStays();
      await queries.invalidateQueries({ queryKey: [...reviewKey(project), "items"] });
    },
  });
  const named = mayName && item.assignee ? nameOf(item.assignee) : "somebody else";
  return (
    <div className={css.acts}>
      {item.assignee && <Tag tone="accent">assigned to {item.assignee === me ? "you" : named}</Tag>}
      {item.needed > 1 && (
        <Tag>
          {item.needed} opinions, {item.given} given
        </Tag>
      )}
      <Menu position="bottom-end" width={250}>
        <Menu.Target>
          <Button
            variant="default"
            size="compact-xs"
            leftSection={<MoreHorizontal size={13} />}
            loading={change.isPending}
          >
            This item
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {item.assignee !== me && me !== "" && (
            <Menu.Item onClick={() => change.mutate({ assignee: me })}>Assign it to me</Menu.Item>
          )}
          {mayName && <Menu.Item onClick={() => setAssigning(true)}>Assign it to somebody…</Menu.Item>}
          {item.assignee && <Menu.Item onClick={() => change.mutate({ assignee: "" })}>Let anybody take it</Menu.Item>}
          <Menu.Divider />
          {item.needed < MOST_OPINIONS && !item.hold && (
            <Menu.Item onClick={() => change.mutate({ needed: item.needed + 1 })}>
              Ask for {item.needed === 1 ? "a second" : "a third"} opinion
            </Menu.Item>
          )}
          <Menu.Item onClick={() => setDropping(true)}>Take it off the queue…</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {assigning && (
        <Assign
          project={project}
          me={me}
          busy={change.isPending}
          error={change.error}
          onAssign={(assignee) => change.mutate({ assignee }, { onSuccess: () => setAssigning(false) })}
          onClose={() => {
            change.reset();
            setAssigning(false);
          }}
        />
      )}
      {change.isError && !dropping && !assigning && <ProblemNotice error={change.error} />}
      <Confirm
        opened={dropping}
        title="Take it off the queue?"
        action="Take it off"
        busy={change.isPending}
        error={change.error}
        onConfirm={() => change.mutate({ drop: true })}
        onClose={() => setDropping(false)}
      >
        Nobody is asked about this answer any more{item.hold ? ", although its user waits for it" : ""}. Its trace, and
        what was said of it, stay.
      </Confirm>
    </div>
  );
}

interface AssignProps {
  project: string;
  me: string;
  busy: boolean;
  error: unknown;
  onAssign: (key: string) => void;
  onClose: () => void;
}

/** Whose it is to be. An application's key reviews nothing. */
function Assign({ project, me, busy, error, onAssign, onClose }: AssignProps) {
  const [who, setWho] = useState<string | null>(null);
  return (
    <FormDialog
      title="Whose is it to be?"
      action="Assign it"
      off={who === null}
      asking={{ isPending: busy, error }}
      onSubmit={() => who !== null && onAssign(who)}
      onClose={onClose}
    >
      <KeySelect
        project={project}
        label="Somebody with a key of this project"
        description="By the key's name. Only they are asked about it then."
        value={who}
        onChange={setWho}
        fits={(key) => key.id !== me && key.role !== "client"}
      />
    </FormDialog>
  );
}
