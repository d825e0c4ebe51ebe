import { ActionIcon, Drawer, Tooltip } from "@mantine/core";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { useIsNarrow } from "@/lib/hooks";
import css from "./peek.module.css";

interface Props {
  /** The list, which stays where it is. */
  children: ReactNode;
  /** What is selected; nothing selected, no panel. */
  peek: ReactNode | null;
  title: ReactNode;
  label: string;
  /** Buttons beside the title. */
  actions?: ReactNode;
  onClose: () => void;
}

/** A list with the selected thing beside it; on a phone over it. */
export function WithPeek({ children, peek, title, label, actions, onClose }: Props) {
  const narrow = useIsNarrow(900);
  const open = peek !== null;
  return (
    <div className={css.split} data-peek={open && !narrow}>
      <div className={css.main}>{children}</div>
      {open && !narrow && (
        <aside className={css.peek} aria-label={label} data-testid="peek">
          <header className={css.peekHead}>
            <h2 className="ellipsis">{title}</h2>
            {actions}
            <Tooltip label="Close (Esc)">
              <ActionIcon onClick={onClose} aria-label="Close the peek">
                <X size={16} />
              </ActionIcon>
            </Tooltip>
          </header>
          <div className={css.peekBody}>{peek}</div>
        </aside>
      )}
      {narrow && (
        <Drawer opened={open} onClose={onClose} position="right" size="100%" title={<strong>{title}</strong>}>
          {actions && <div className={css.drawerActions}>{actions}</div>}
          <div className={css.drawerBody}>{peek}</div>
        </Drawer>
      )}
    </div>
  );
}
