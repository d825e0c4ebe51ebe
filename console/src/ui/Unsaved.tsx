import { Button, Group, Modal } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { type RefObject, useEffect, useRef, useState } from "react";

/** Set to true just before leaving on purpose (saved, deleted), so that nobody is asked. */
export type Leaving = RefObject<boolean>;
export const useLeaving = (): Leaving => useRef(false);

interface Props {
  dirty: boolean;
  leaving: Leaving;
  /** Parts of the address that may change without losing anything. */
  free?: readonly string[];
}

interface Place {
  pathname: string;
  search: unknown;
}

function sameBut(free: readonly string[], a: Place, b: Place): boolean {
  if (free.length === 0 || a.pathname !== b.pathname) return false;
  const one = a.search as Record<string, unknown>;
  const other = b.search as Record<string, unknown>;
  return [...Object.keys(one), ...Object.keys(other)].every((key) => free.includes(key) || one[key] === other[key]);
}

/** Whether it has been so since before the event that is being told now. */
function useAfterThisEvent(so: boolean): boolean {
  const [since, setSince] = useState(false);
  useEffect(() => {
    if (!so) return setSince(false);
    const soon = setTimeout(() => setSince(true));
    return () => clearTimeout(soon);
  }, [so]);
  return since;
}

/**
 * Asks before unsaved edits are lost: on every way out of the page, the browser's own included. The press of Escape that
 * wanted to close a drawer is told to this dialog too, which may be open by then: it does not answer the question.
 */
export function UnsavedGuard({ dirty, leaving, free = [] }: Props) {
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => dirty && !leaving.current && !sameBut(free, current, next),
    enableBeforeUnload: () => dirty && !leaving.current,
    withResolver: true,
  });
  const asking = blocker.status === "blocked";
  const heard = useAfterThisEvent(asking);
  const ended = blocker.status === "blocked" && blocker.next.pathname === "/login";
  return (
    <Modal
      opened={asking}
      onClose={() => blocker.reset?.()}
      closeOnEscape={heard}
      title={<strong>{ended ? "Your session has ended" : "Leave without saving?"}</strong>}
      zIndex={400}
    >
      <p style={{ marginBottom: 16 }}>
        {ended ? (
          <>
            What you changed here is not saved.{" "}
            <a href="/login" target="_blank" rel="noreferrer">
              Sign in in another tab
            </a>
            , and go on here afterwards; where you leave this page, it is lost.
          </>
        ) : (
          "What you changed here is not saved and will be lost."
        )}
      </p>
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
