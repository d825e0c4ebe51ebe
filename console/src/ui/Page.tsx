import { type ReactNode, useEffect } from "react";
import css from "./ui.module.css";

interface Props {
  title: string;
  /** What the page answers, in one line. */
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** A page: its name as the heading and in the tab's title, its actions on the right. */
export function Page({ title, lead, actions, children }: Props) {
  useTitle(title);
  return (
    <div className={css.page}>
      <header className={css.head}>
        <div>
          <h1>{title}</h1>
          {lead && <p className={css.lead}>{lead}</p>}
        </div>
        {actions && <div className={css.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Trimtab`;
  }, [title]);
}
