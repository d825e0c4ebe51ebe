import { Button } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  onClick: () => void;
  icon?: ReactNode;
  disabled?: boolean;
  /** What it does, where the words on it do not say to what. */
  label?: string;
  children: ReactNode;
}

/** A small button for what everybody may do to what is their own. */
export function PlainButton({ onClick, icon, disabled, label, children }: Props) {
  return (
    <Button variant="default" leftSection={icon} onClick={onClick} disabled={disabled} aria-label={label}>
      {children}
    </Button>
  );
}
