import { Button, Group, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import css from "./formDialog.module.css";
import { ProblemNotice } from "./Notice";

interface Props {
  title: string;
  size?: number;
  /** What the button does. */
  action: ReactNode;
  /** What the other button does: leaves everything as it is. */
  cancel?: string;
  color?: string;
  /** Something is missing yet, and what. */
  off?: boolean;
  why?: string;
  /** What the form asks of the server. */
  asking: { isPending: boolean; error: unknown };
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** A short form in a dialog: what is filled in, why it was refused, and the two ways out. */
export function FormDialog({
  title,
  size,
  action,
  cancel = "Cancel",
  color,
  off = false,
  why,
  asking,
  onSubmit,
  onClose,
  children,
}: Props) {
  return (
    <Modal opened onClose={onClose} size={size} title={<strong>{title}</strong>}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!off) onSubmit();
        }}
      >
        {children}
        {asking.error ? <ProblemNotice error={asking.error} /> : null}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={onClose}>
            {cancel}
          </Button>
          <Button type="submit" size="sm" color={color} disabled={off} loading={asking.isPending} title={why}>
            {action}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
