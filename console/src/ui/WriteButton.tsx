import { Button, type ButtonProps, Tooltip } from "@mantine/core";
import { lacking, useMay } from "@/lib/role";

interface Props extends ButtonProps {
  onClick: () => void;
  /** The permission that the server asks for. Null: whoever shows the button knows better, and says so by `why`. */
  needs: string | null;
  /** Another reason why it cannot be done now. */
  why?: string;
}

/** A button for changes: says why it is off instead of only being off. */
export function WriteButton({ onClick, needs, why, children, ...rest }: Props) {
  const may = useMay(needs ?? "");
  const reason = needs === null || may ? why : lacking(needs);
  const off = reason !== undefined && reason !== "";
  return (
    <Tooltip label={reason} disabled={!off}>
      <Button {...rest} data-disabled={off || undefined} aria-disabled={off} onClick={() => !off && onClick()}>
        {children}
      </Button>
    </Tooltip>
  );
}
