import { Link, useRouterState } from "@tanstack/react-router";
import { ChevronDown, ChevronRight } from "lucide-react";
import { useEffect, useState } from "react";
import { readFolded, writeFolded } from "./folded";
import css from "./frame.module.css";
import { grouped, NAV, type NavGroup } from "./nav";

const GROUPS = grouped(NAV);

/** Pages by group. What one folds away stays so; the group of the page on show is never folded. */
export function NavGroups({ project }: { project: string }) {
  const [folded, setFolded] = useState(readFolded);
  const path = useRouterState({ select: (state) => state.location.pathname });
  // The list may be longer than the window: the page on show is in sight in it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the active link is another one when the page changes
  useEffect(() => {
    for (const link of document.querySelectorAll(`.${css.link}[data-status="active"]`)) {
      link.scrollIntoView({ block: "nearest" });
    }
  }, [path]);
  const toggle = (name: string) => {
    const next = folded.includes(name) ? folded.filter((each) => each !== name) : [...folded, name];
    setFolded(next);
    writeFolded(next);
  };
  return GROUPS.map((group) => (
    <Group
      key={group.name}
      group={group}
      project={project}
      folded={folded.includes(group.name) && !holds(group, project, path)}
      onToggle={() => toggle(group.name)}
    />
  ));
}

function holds(group: NavGroup, project: string, path: string): boolean {
  return group.items.some((item) => {
    const to = item.to.replace("$project", encodeURIComponent(project));
    return path === to || path.startsWith(`${to}/`);
  });
}

interface GroupProps {
  group: NavGroup;
  project: string;
  folded: boolean;
  onToggle: () => void;
}

function Group({ group, project, folded, onToggle }: GroupProps) {
  const Arrow = folded ? ChevronRight : ChevronDown;
  return (
    <>
      <button type="button" className={css.navGroup} aria-expanded={!folded} onClick={onToggle}>
        {group.name}
        <Arrow size={12} aria-hidden="true" />
      </button>
      {!folded &&
        group.items.map((item) => (
          <Link key={item.to} to={item.to} params={{ project }} className={css.link}>
            <item.icon size={16} aria-hidden="true" />
            {item.label}
          </Link>
        ))}
    </>
  );
}
