import { Modal, useMantineColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { AppWindow, Boxes, CircleHelp, FolderOpen, type LucideIcon, Search, SunMoon, TextSearch } from "lucide-react";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { modelsQuery, projectsQuery } from "@/api/queries";
import { appsQuery } from "@/api/releases";
import css from "./frame.module.css";
import { NAV, UNLISTED } from "./nav";

interface Item {
  id: string;
  group: string;
  label: string;
  hint?: string;
  words?: string;
  icon: LucideIcon;
  run: () => void;
}

interface Props {
  opened: boolean;
  onClose: () => void;
  project: string;
  onHelp: () => void;
}

const TRACE_ID = /^[0-9a-f]{32}$/i;

/** Every word typed must occur somewhere in the item. */
export function matches(item: Pick<Item, "label" | "words">, text: string): boolean {
  const hay = `${item.label} ${item.words ?? ""}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word));
}

/** What fits, and first of all what is called so: "provid" is Providers, not a page that only speaks of them. */
export function sought<T extends Pick<Item, "label" | "words">>(items: readonly T[], text: string): T[] {
  const begun = text.toLowerCase();
  const fitting = items.filter((item) => matches(item, text));
  const called = (item: T) => (item.label.toLowerCase().startsWith(begun) ? 0 : 1);
  return text ? fitting.sort((a, b) => called(a) - called(b)) : fitting;
}

/** Ctrl or Cmd K: any page, app, model, project or trace from the keyboard. */
export function Palette({ opened, onClose, project, onHelp }: Props) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size={560}
      yOffset="12dvh"
      centered={false}
      transitionProps={{ duration: 0 }}
      attributes={{ content: { "aria-label": "Go to anything" } }}
    >
      <PaletteBody onClose={onClose} project={project} onHelp={onHelp} />
    </Modal>
  );
}

function useItems(project: string, onHelp: () => void): Item[] {
  const navigate = useNavigate();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const models = useQuery(modelsQuery(project));
  const projects = useQuery(projectsQuery());
  const apps = useQuery(appsQuery(project));
  return useMemo(() => {
    const pages = [...NAV, ...UNLISTED].map((item) => ({
      id: item.to,
      group: "Pages",
      label: item.label,
      words: item.words,
      icon: item.icon,
      run: () => void navigate({ to: item.to, params: { project } }),
    }));
    const actions: Item[] = [
      {
        id: "theme",
        group: "Actions",
        label: colorScheme === "dark" ? "Switch to light" : "Switch to dark",
        words: "theme appearance",
        icon: SunMoon,
        run: () => setColorScheme(colorScheme === "dark" ? "light" : "dark"),
      },
      { id: "help", group: "Actions", label: "Keyboard and search help", icon: CircleHelp, run: onHelp },
    ];
    const ofApps = (apps.data ?? []).map((app) => ({
      id: `app ${app.name}`,
      group: "Apps",
      label: app.name,
      words: `app release ${app.spec.description ?? ""}`,
      hint: app.newest > 0 ? `r${app.newest}` : "no release",
      icon: AppWindow,
      run: () => void navigate({ to: "/p/$project/apps/$app", params: { project, app: app.name } }),
    }));
    const ofModels = (models.data ?? []).map((model) => ({
      id: `model ${model.name}`,
      group: "Traces of a model",
      label: model.name,
      words: `model ${model.provider}`,
      hint: model.provider,
      icon: Boxes,
      run: () =>
        void navigate({ to: "/p/$project/traces", params: { project }, search: { q: `model:"${model.name}"` } }),
    }));
    const ofProjects = (projects.data ?? [])
      .filter((p) => p.slug !== project)
      .map((p) => ({
        id: `project ${p.slug}`,
        group: "Projects",
        label: p.name || p.slug,
        words: `project ${p.slug}`,
        icon: FolderOpen,
        run: () => void navigate({ to: "/p/$project/overview", params: { project: p.slug } }),
      }));
    return [...pages, ...actions, ...ofApps, ...ofModels, ...ofProjects];
  }, [apps.data, colorScheme, models.data, navigate, onHelp, project, projects.data, setColorScheme]);
}

function PaletteBody({ onClose, project, onHelp }: Omit<Props, "opened">) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const items = useItems(project, onHelp);
  const trimmed = text.trim();
  const found = sought(items, trimmed);
  if (TRACE_ID.test(trimmed)) {
    found.unshift({
      id: "trace",
      group: "Trace",
      label: `Open trace ${trimmed.slice(0, 12)}…`,
      icon: Search,
      run: () =>
        void navigate({ to: "/p/$project/traces/$traceId", params: { project, traceId: trimmed.toLowerCase() } }),
    });
  } else if (trimmed) {
    found.push({
      id: "search",
      group: "Search",
      label: `Search traces for “${trimmed}”`,
      icon: TextSearch,
      run: () => void navigate({ to: "/p/$project/traces", params: { project }, search: { q: trimmed } }),
    });
  }
  const selected = Math.min(at, found.length - 1);

  // At once, not after the dialog has settled: what is typed right after the shortcut belongs here.
  useEffect(() => input.current?.focus(), []);
  useEffect(() => {
    list.current?.querySelector(`#pal-${selected}`)?.scrollIntoView({ block: "nearest" });
  }, [selected]);

  const run = (item: Item | undefined) => {
    if (!item) return;
    onClose();
    item.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(found.length - 1, selected + 1));
    else if (event.key === "ArrowUp") setAt(Math.max(0, selected - 1));
    else if (event.key === "Enter") run(found[selected]);
    else return;
    event.preventDefault();
  };
  return (
    <div>
      <input
        ref={input}
        className={css.palInput}
        placeholder="Go to a page, an app, a model, a trace id, or search…"
        aria-label="Go to anything"
        role="combobox"
        aria-expanded="true"
        aria-controls="pal-list"
        aria-activedescendant={found.length > 0 ? `pal-${selected}` : undefined}
        value={text}
        data-autofocus
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul className={css.palList} id="pal-list" role="listbox" aria-label="Results" ref={list}>
        {found.map((item, i) => (
          <PaletteItem
            key={item.id}
            item={item}
            index={i}
            heading={item.group !== found[i - 1]?.group}
            selected={i === selected}
            onPick={() => run(item)}
          />
        ))}
        {found.length === 0 && <li className={css.palGroup}>Nothing by that name.</li>}
      </ul>
    </div>
  );
}

interface ItemProps {
  item: Item;
  index: number;
  heading: boolean;
  selected: boolean;
  onPick: () => void;
}

function PaletteItem({ item, index, heading, selected, onPick }: ItemProps) {
  return (
    <>
      {heading && (
        <li className={css.palGroup} role="presentation">
          {item.group}
        </li>
      )}
      <li id={`pal-${index}`} role="option" aria-selected={selected} className={css.palItem} onClick={onPick}>
        <item.icon size={15} aria-hidden="true" color="var(--text-3)" />
        <span className="ellipsis">{item.label}</span>
        {item.hint && <span className={css.palHint}>{item.hint}</span>}
      </li>
    </>
  );
}
