import { Button, Group, Modal, Radio, Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { inProject, put } from "@/api/client";
import { keysKey } from "@/api/queries";
import type { KeyView } from "@/api/types";
import { ProblemNotice } from "@/ui/Notice";

interface Props {
  project: string;
  target: KeyView;
  onClose: () => void;
}

const BOUNDS: { value: KeyView["priority"]; label: string; description: string }[] = [
  { value: "high", label: "High", description: "No bound: each call asks for what it likes." },
  { value: "normal", label: "Normal", description: "What a call has that asks for nothing. None goes before others." },
  { value: "low", label: "Low", description: "For batches: its calls wait behind all others where there is a queue." },
];

/** How high the calls of a key may stand in a queue. */
export function PriorityDialog({ project, target, onClose }: Props) {
  const [highest, setHighest] = useState(target.priority);
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () =>
      put(inProject(project, "keys", target.id, "priority"), { highest, expected_highest: target.priority }),
    onError: () => queries.invalidateQueries({ queryKey: keysKey(project) }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: keysKey(project) });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={<strong>Priority of {target.name || target.prefix}</strong>}>
      <Stack gap="sm">
        <Radio.Group
          label="Its calls have at most"
          value={highest}
          onChange={(value) => setHighest(value as KeyView["priority"])}
        >
          <Stack gap="xs" mt="xs">
            {BOUNDS.map((each) => (
              <Radio key={each.value} {...each} />
            ))}
          </Stack>
        </Radio.Group>
        <p className="muted" style={{ margin: 0 }}>
          A call asks with the header <code>trimtab-priority</code>; what is above this becomes this.
        </p>
        {save.isError && <ProblemNotice error={save.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button
            size="sm"
            loading={save.isPending}
            disabled={highest === target.priority}
            onClick={() => save.mutate()}
          >
            Save
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
