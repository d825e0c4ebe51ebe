import { Button, Group, Modal } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { type RefObject, useRef } from "react";

/** Set to true just before leaving on purpose (saved, deleted), so that nobody is asked. */
export type Leaving = RefObject<boolean>;
export const useLeaving = (): Leaving => useRef(false);

/** Asks before unsaved edits are lost: on every way out of the page, the browser's own included. */
export function UnsavedGuard({ dirty, leaving }: { dirty: boolean; leaving: Leaving }) {
  const blocker = useBlocker({
    shouldBlockFn: () => dirty && !leaving.current,
    enableBeforeUnload: () => dirty && !leaving.current,
    withResolver: true,
  });
  return (
    <Modal
      opened={blocker.status === "blocked"}
      onClose={() => blocker.reset?.()}
      title={<strong>Leave without saving?</strong>}
      zIndex={400}
    >
      <p style={{ marginBottom: 16 }}>What you changed here is not saved and will be lost.</p>
      <Group justify="flex-end" gap="xs">
        <Button variant="default" size="sm" onClick={() => blocker.proceed?.()}>
          Leave
        </Button>
        <Button size="sm" onClick={() => blocker.reset?.()} data-autofocus>
          Keep editing
        </Button>
      </Group>
    </Modal>
  );
}
