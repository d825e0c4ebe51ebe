import { ActionIcon, Drawer } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useParams, useRouterState } from "@tanstack/react-router";
import { Menu as MenuIcon, Search } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { meQuery } from "@/api/queries";
import { useShortcuts } from "@/lib/hooks";
import { Mark } from "@/ui/Logo";
import css from "./frame.module.css";
import { HelpDialog } from "./HelpDialog";
import { lastProject, rememberProject } from "./lastProject";
import { Palette } from "./Palette";
import { SidebarBody } from "./Sidebar";
import { StatusDot } from "./StatusPanel";

/** The project of the address, or the one last seen. */
export function useProject(): string {
  const { project } = useParams({ strict: false });
  const me = useQuery(meQuery());
  return project ?? lastProject(me.data?.projects ?? []);
}

/** What surrounds every page: navigation, project, server state, palette, help. */
export function Frame() {
  const project = useProject();
  const navigate = useNavigate();
  const main = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (s) => s.location.pathname });
  const [menu, setMenu] = useState(false);
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);

  useEffect(() => rememberProject(project), [project]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawer closes when the page under it changes
  useEffect(() => setMenu(false), [path]);

  const go = (to: "/p/$project/overview" | "/p/$project/traces" | "/p/$project/apps" | "/p/$project/models") => () =>
    void navigate({ to, params: { project } });
  const goKey = useRef(0);
  const afterG = (run: () => void) => () => {
    if (Date.now() - goKey.current >= 1200) return false;
    run();
  };
  useShortcuts({
    "mod+k": () => setPalette((on) => !on),
    "?": () => setHelp(true),
    g: () => {
      goKey.current = Date.now();
    },
    o: afterG(go("/p/$project/overview")),
    t: afterG(go("/p/$project/traces")),
    a: afterG(go("/p/$project/apps")),
    m: afterG(go("/p/$project/models")),
  });

  return (
    <div className={css.frame}>
      <button type="button" className={css.skip} onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <aside className={css.side} aria-label="Main">
        <SidebarBody project={project} onPalette={() => setPalette(true)} onHelp={() => setHelp(true)} />
      </aside>
      <header className={css.topbar}>
        <ActionIcon size="lg" onClick={() => setMenu(true)} aria-label="Open the menu" aria-expanded={menu}>
          <MenuIcon size={20} />
        </ActionIcon>
        <Link to="/p/$project/overview" params={{ project }} aria-label="Trimtab, overview" style={{ display: "flex" }}>
          <Mark />
        </Link>
        <span className="ellipsis" style={{ fontWeight: 600 }}>
          {project}
        </span>
        <span style={{ display: "flex", alignItems: "center", gap: 6 }}>
          <StatusDot />
          <ActionIcon size="lg" onClick={() => setPalette(true)} aria-label="Go to anything">
            <Search size={18} />
          </ActionIcon>
        </span>
      </header>
      <main id="main" ref={main} className={css.main} tabIndex={-1}>
        <Outlet />
      </main>
      <Drawer
        opened={menu}
        onClose={() => setMenu(false)}
        size={264}
        title="Menu"
        closeButtonProps={{ "aria-label": "Close the menu" }}
      >
        <div className={css.drawerBody}>
          <SidebarBody project={project} onPalette={() => setPalette(true)} onHelp={() => setHelp(true)} />
        </div>
      </Drawer>
      <Palette opened={palette} onClose={() => setPalette(false)} project={project} onHelp={() => setHelp(true)} />
      <HelpDialog opened={help} onClose={() => setHelp(false)} />
    </div>
  );
}
