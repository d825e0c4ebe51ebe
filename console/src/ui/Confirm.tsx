import { Button, Group, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { asProblem } from "@/api/client";
import { ProblemNotice } from "./Notice";

interface Props {
  opened: boolean;
  title: string;
  /** What goes, and what stays. */
  children: ReactNode;
  action: string;
  /** Nothing is lost by it: the button is no warning. */
  mild?: boolean;
  /** Something has to be done first, such as typing what goes. */
  off?: boolean;
  busy?: boolean;
  error?: unknown;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something is gone. The safe answer has the focus. */
export function Confirm({ opened, title, children, action, mild, off, busy, error, onConfirm, onClose }: Props) {
  // Who was shown what somebody else did to it decides anew: about what there is now.
  const { meanwhile } = error ? asProblem(error) : {};
  const gone = meanwhile?.revision === 0;
  return (
    <Modal opened={opened} onClose={onClose} title={<strong>{title}</strong>}>
      <div style={{ display: "grid", gap: 12 }}>
        <div>{children}</div>
        {error ? <ProblemNotice error={error} /> : null}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={onClose} data-autofocus>
            {gone ? "Close" : mild ? "Cancel" : "Keep"}
          </Button>
          <Button
            color={mild ? undefined : "red.8"}
            size="sm"
            loading={busy}
            disabled={off || gone}
            onClick={onConfirm}
          >
            {meanwhile ? `${action}, as it is now` : action}
          </Button>
        </Group>
      </div>
    </Modal>
  );
}
