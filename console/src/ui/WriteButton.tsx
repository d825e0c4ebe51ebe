import { Button, type ButtonProps, Tooltip } from "@mantine/core";
import { READ_ONLY, useMayWrite } from "@/lib/role";

interface Props extends ButtonProps {
  onClick: () => void;
  /** Another reason why it cannot be done now. */
  why?: string;
}

/** A button for changes: says why it is off instead of only being off. */
export function WriteButton({ onClick, why, children, ...rest }: Props) {
  const may = useMayWrite();
  const reason = may ? why : READ_ONLY;
  const off = reason !== undefined && reason !== "";
  return (
    <Tooltip label={reason} disabled={!off}>
      <Button {...rest} data-disabled={off || undefined} aria-disabled={off} onClick={() => !off && onClick()}>
        {children}
      </Button>
    </Tooltip>
  );
}
