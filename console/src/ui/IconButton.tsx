import type { LucideIcon } from "lucide-react";
import { WriteButton, type WriteButtonProps } from "./WriteButton";

interface Props extends Omit<WriteButtonProps, "children" | "tip"> {
  icon: LucideIcon;
  /** What it does, and to what. */
  label: string;
}

/** A button for a change that has no room for words: they are read out, and shown to whoever rests on it. */
export function IconButton({ icon: Icon, label, ...rest }: Props) {
  return (
    <WriteButton variant="default" px={8} tip={label} aria-label={label} {...rest}>
      <Icon size={14} aria-hidden="true" />
    </WriteButton>
  );
}
