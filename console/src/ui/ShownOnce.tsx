import { Button, Group, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { Notice } from "./Notice";

interface Props {
  title: string;
  size?: number;
  /** What to do with it now, and why. */
  warning: string;
  because: string;
  /** Beside the button that closes it. */
  aside?: ReactNode;
  done?: string;
  testId?: string;
  onClose: () => void;
  children: ReactNode;
}

/** A secret, the only time it can be shown: nothing but its button closes it. */
export function ShownOnce({
  title,
  size = 560,
  warning,
  because,
  aside,
  done = "I have it",
  testId,
  onClose,
  children,
}: Props) {
  return (
    <Modal
      opened
      onClose={onClose}
      title={<strong>{title}</strong>}
      size={size}
      closeOnClickOutside={false}
      closeOnEscape={false}
    >
      <div style={{ display: "grid", gap: 14 }} data-testid={testId}>
        <Notice tone="warn" title={warning}>
          {because}
        </Notice>
        {children}
        <Group justify="space-between" gap="xs">
          {aside || <span />}
          <Button size="sm" onClick={onClose}>
            {done}
          </Button>
        </Group>
      </div>
    </Modal>
  );
}
