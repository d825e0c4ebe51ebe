import { ActionIcon, Menu, Tooltip, useMantineColorScheme } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { ChevronsUpDown, CircleHelp, LogOut, Monitor, Moon, Plus, Search, Sun } from "lucide-react";
import { useState } from "react";
import { post } from "@/api/client";
import { meQuery, projectsQuery } from "@/api/queries";
import { NewProjectDialog } from "@/features/settings/NewProjectDialog";
import { Wordmark } from "@/ui/Logo";
import css from "./frame.module.css";
import { NavGroups } from "./NavGroups";
import { StatusPanel } from "./StatusPanel";

interface Props {
  project: string;
  onPalette: () => void;
  onHelp: () => void;
}

export function SidebarBody({ project, onPalette, onHelp }: Props) {
  return (
    <>
      <div className={css.brand}>
        <Link to="/p/$project/overview" params={{ project }} aria-label="Trimtab, overview">
          <Wordmark />
        </Link>
      </div>
      <ProjectSwitcher project={project} />
      <nav className={css.nav} aria-label="Pages">
        <NavGroups project={project} />
      </nav>
      <div className={css.foot}>
        <StatusPanel />
        <div className={css.tools}>
          <Tooltip label="Go to anything (Ctrl or Cmd K)">
            <ActionIcon onClick={onPalette} aria-label="Go to anything">
              <Search size={16} />
            </ActionIcon>
          </Tooltip>
          <ThemeMenu />
          <Tooltip label="Keyboard and search help (?)">
            <ActionIcon onClick={onHelp} aria-label="Help">
              <CircleHelp size={16} />
            </ActionIcon>
          </Tooltip>
          <LogoutButton />
        </div>
      </div>
    </>
  );
}

function ProjectSwitcher({ project }: { project: string }) {
  const projects = useQuery(projectsQuery());
  const me = useQuery(meQuery());
  const navigate = useNavigate();
  const [adding, setAdding] = useState(false);
  const items = projects.data ?? (me.data?.projects ?? []).map((slug) => ({ slug, name: slug }));
  const current = items.find((p) => p.slug === project);
  return (
    <>
      <Menu width={240} position="bottom-start">
        <Menu.Target>
          <button type="button" className={css.switcher} aria-label={`${current?.name || project}: switch the project`}>
            <span className={`${css.switcherName} ellipsis`}>{current?.name || project}</span>
            <ChevronsUpDown size={14} aria-hidden="true" color="var(--text-3)" />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Projects</Menu.Label>
          {items.map((item) => (
            <Menu.Item
              key={item.slug}
              onClick={() => void navigate({ to: "/p/$project/overview", params: { project: item.slug } })}
              rightSection={<span className="mono muted">{item.slug}</span>}
              aria-current={item.slug === project}
              fw={item.slug === project ? 600 : 400}
            >
              {item.name || item.slug}
            </Menu.Item>
          ))}
          {me.data?.permissions.includes("project:write") && (
            <>
              <Menu.Divider />
              <Menu.Item leftSection={<Plus size={14} />} onClick={() => setAdding(true)}>
                New project
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      <NewProjectDialog opened={adding} onClose={() => setAdding(false)} />
    </>
  );
}

const SCHEMES = [
  { value: "auto", label: "As the system", icon: Monitor },
  { value: "light", label: "Light", icon: Sun },
  { value: "dark", label: "Dark", icon: Moon },
] as const;

function ThemeMenu() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const current = SCHEMES.find((s) => s.value === colorScheme) ?? SCHEMES[0];
  return (
    <Menu position="top">
      <Menu.Target>
        <ActionIcon aria-label={`Appearance: ${current.label}`}>
          <current.icon size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {SCHEMES.map((scheme) => (
          <Menu.Item
            key={scheme.value}
            leftSection={<scheme.icon size={14} />}
            onClick={() => setColorScheme(scheme.value)}
            fw={scheme.value === colorScheme ? 600 : 400}
          >
            {scheme.label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function LogoutButton() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const me = useQuery(meQuery());
  const logout = async () => {
    await post("/logout");
    queries.clear();
    await navigate({ to: "/login" });
  };
  const who = me.data ? ` (${me.data.role.replace("_", " ")}, ${me.data.key_prefix}…)` : "";
  return (
    <Tooltip label={`Log out${who}`}>
      <ActionIcon onClick={() => void logout()} aria-label="Log out">
        <LogOut size={16} />
      </ActionIcon>
    </Tooltip>
  );
}
