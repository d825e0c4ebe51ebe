import { Button, type ButtonProps, Tooltip } from "@mantine/core";
import { lacking, useMay } from "@/lib/role";

export interface WriteButtonProps extends ButtonProps {
  onClick: () => void;
  /** The permission that the server asks for. Null: whoever shows the button knows better, and says so by `why`. */
  needs: string | null;
  /** Another reason why it cannot be done now. */
  why?: string;
  /** What it does, where it has no words of its own. */
  tip?: string;
}

/** A button for changes: says why it is off instead of only being off. */
export function WriteButton({ onClick, needs, why, tip, children, ...rest }: WriteButtonProps) {
  const may = useMay(needs ?? "");
  const reason = needs === null || may ? why : lacking(needs);
  const off = reason !== undefined && reason !== "";
  return (
    <Tooltip label={reason} disabled={!off}>
      <Button
        {...rest}
        title={off ? undefined : tip}
        data-disabled={off || undefined}
        aria-disabled={off}
        onClick={() => !off && onClick()}
      >
        {children}
      </Button>
    </Tooltip>
  );
}
