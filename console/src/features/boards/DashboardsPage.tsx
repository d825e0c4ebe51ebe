import { ActionIcon, Button, Checkbox, Drawer, Menu, Select, Skeleton, TextInput, Tooltip } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { EllipsisVertical, Plus, RefreshCw } from "lucide-react";
import { useRef, useState } from "react";
import { API, asProblem, inProject, post, put } from "@/api/client";
import { dashboardsQuery } from "@/api/seen";
import type { DashboardView, Tile } from "@/api/types";
import { useAnchor } from "@/lib/hooks";
import { useMay } from "@/lib/role";
import { RangePicker } from "@/search/RangePicker";
import { type RangeSearch, rangeOnly, resolveRange } from "@/search/range";
import { Empty, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { isConflict, meantBy } from "@/ui/conflict";
import { Refused } from "@/ui/Meanwhile";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { useRemoval } from "@/ui/removal";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { WriteButton } from "@/ui/WriteButton";
import css from "./boards.module.css";
import { below } from "./figures";
import { TileForm } from "./TileForm";
import { TileView } from "./TileView";

/** "How are the things going that I chose to watch?" */
export function DashboardsPage() {
  const { project } = useParams({ from: "/inside/p/$project/dashboards" });
  const search = useSearch({ from: "/inside/p/$project/dashboards" });
  const boards = useQuery(dashboardsQuery(project));
  // What is being changed stays, whatever somebody else removes meanwhile.
  const [held, setHeld] = useState<DashboardView | null>(null);
  const id = held?.id ?? search.id;
  const there = id === undefined ? boards.data?.[0] : boards.data?.find((each) => each.id === id);
  const board = there ?? held;
  if (!boards.data) {
    return (
      <Page title="Dashboards">
        {boards.error ? (
          <ProblemNotice error={boards.error} retry={() => void boards.refetch()} />
        ) : (
          <Skeleton height={420} />
        )}
      </Page>
    );
  }
  if (!board) return <Gone project={project} boards={boards.data} />;
  return <Board key={board.id} project={project} board={board} boards={boards.data} gone={!there} onHold={setHeld} />;
}

/** A link to a dashboard that is not there: another in its place would be taken for it. */
function Gone({ project, boards }: { project: string; boards: DashboardView[] }) {
  return (
    <Page title="Dashboards">
      <Empty title="There is no such dashboard">
        <p>It was removed, or it is somebody's own: they see it, and may share it (Edit, Shared with everybody).</p>
        <p>Here are:</p>
        <ul>
          {boards.map((each) => (
            <li key={each.id}>
              <Link to="/p/$project/dashboards" params={{ project }} search={{ id: each.id }}>
                <bdi>{each.name}</bdi>
              </Link>
            </li>
          ))}
        </ul>
      </Empty>
    </Page>
  );
}

/** So many are seen at a glance; of more the list offers the first, and finds the others by what is typed. */
const FEW = 8;
const AT_ONCE = 50;

const body = (board: DashboardView) => ({
  name: board.name,
  about: board.about,
  q: board.q,
  last: board.last,
  tiles: board.tiles,
  shared: board.shared,
});

interface BoardProps {
  project: string;
  board: DashboardView;
  boards: DashboardView[];
  /** Somebody removed it while it was being changed here. */
  gone: boolean;
  onHold: (board: DashboardView | null) => void;
}

function Board({ project, board, boards, gone, onHold }: BoardProps) {
  const search = useSearch({ from: "/inside/p/$project/dashboards" });
  const navigate = useNavigate({ from: "/p/$project/dashboards" });
  const [editingFrom, setEditingFrom] = useState<{ base: DashboardView; draft: DashboardView } | null>(null);
  const { base, draft } = editingFrom ?? { base: board, draft: null };
  const setDraft = (next: DashboardView | null) => {
    setEditingFrom(next && { base, draft: next });
    onHold(next && base);
  };
  const [editing, setEditing] = useState<number | null>(null);
  const [deleting, setDeleting] = useState(false);
  const may = useMay("view:write");
  const leaving = useLeaving();
  const queries = useQueryClient();
  const shown = draft ?? board;
  const asked: RangeSearch = search.range || search.start ? search : { range: shown.last };
  const { now, tick } = useAnchor(resolveRange(asked, 0).moving && !draft ? 30_000 : false);
  const range = resolveRange(asked, now);
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const reload = () => queries.invalidateQueries({ queryKey: dashboardsQuery(project).queryKey });
  const save = useMutation({
    mutationFn: (wanted: DashboardView) =>
      gone
        ? post<DashboardView>(inProject(project, "dashboards"), body(wanted))
        : put<DashboardView>(inProject(project, "dashboards", board.id), {
            ...body(wanted),
            expected_revision: base.revision,
          }),
    onSuccess: async (saved) => {
      leaving.current = true;
      await reload();
      await navigate({ search: (prev) => ({ ...prev, id: saved.id }) });
      setDraft(null);
      leaving.current = false;
    },
    onError: async (error) => {
      if (isConflict(error)) await reload();
    },
  });
  const meant = meantBy(
    save.error,
    {
      base: { form: body(base), revision: base.revision },
      form: body(draft ?? base),
      now: { form: body(board), revision: board.revision },
    },
    (_, mine) => {
      setEditingFrom({ base: board, draft: { ...board, ...mine } });
      save.reset();
    },
  );
  const remove = useRemoval({
    at: () => [inProject(project, "dashboards", board.id), board.revision],
    stale: [dashboardsQuery(project).queryKey],
    onRemoved: () => {
      setDeleting(false);
      patch({ id: undefined });
    },
  });
  const edit = (change: Partial<DashboardView>) => setDraft({ ...shown, ...change });
  const setTile = (at: number, tile: Tile | null) =>
    edit({ tiles: shown.tiles.flatMap((each, i) => (i === at ? (tile ? [tile] : []) : [each])) });
  const dirty = draft !== null && JSON.stringify(body(draft)) !== JSON.stringify(body(base));
  const chosen = editing === null ? undefined : shown.tiles[editing];

  return (
    <Page
      title={shown.name}
      lead={shown.about || undefined}
      actions={
        <>
          <Select
            aria-label="Dashboard"
            data={boards.map((each) => ({ value: each.id, label: each.name }))}
            value={board.id}
            allowDeselect={false}
            searchable={boards.length > FEW}
            limit={AT_ONCE}
            nothingFoundMessage="No dashboard is called so."
            w={190}
            onChange={(id) => patch({ id: id ?? undefined, range: undefined, start: undefined, end: undefined })}
          />
          <RangePicker range={range} onChange={(change) => patch(change)} />
          {draft ? (
            <>
              <Button
                variant="default"
                size="sm"
                leftSection={<Plus size={14} />}
                onClick={() => {
                  edit({ tiles: [...shown.tiles, below(shown.tiles)] });
                  setEditing(shown.tiles.length);
                }}
              >
                Tile
              </Button>
              <Button variant="subtle" color="gray" size="sm" onClick={() => setDraft(null)}>
                Undo
              </Button>
              <Button size="sm" loading={save.isPending} disabled={!dirty && !gone} onClick={() => save.mutate(draft)}>
                {gone ? "Make it anew" : "Save"}
              </Button>
            </>
          ) : (
            <>
              <Tooltip label="Refresh">
                <ActionIcon variant="default" size={36} onClick={tick} aria-label="Refresh">
                  <RefreshCw size={15} />
                </ActionIcon>
              </Tooltip>
              <WriteButton needs="view:write" variant="default" size="sm" onClick={() => setDraft(board)}>
                Edit
              </WriteButton>
              <More
                project={project}
                board={board}
                may={may}
                onMade={(id) => patch({ id })}
                onDelete={() => setDeleting(true)}
              />
            </>
          )}
        </>
      }
    >
      {gone ? (
        <>
          <Notice tone="warn" title="Somebody removed this dashboard meanwhile.">
            What you have here is kept until you leave: make it anew, or undo.
          </Notice>
          {save.error && asProblem(save.error).status !== 404 && <ProblemNotice error={save.error} />}
        </>
      ) : (
        <Refused problem={save.error} meant={meant} />
      )}
      {draft && (
        <div className={css.head}>
          <TextInput label="Name" value={shown.name} onChange={(e) => edit({ name: e.currentTarget.value })} />
          <TextInput label="About" value={shown.about} onChange={(e) => edit({ about: e.currentTarget.value })} />
          <TextInput
            label="Search of every tile"
            value={shown.q}
            onChange={(e) => edit({ q: e.currentTarget.value })}
          />
          <TextInput label="Time at first" value={shown.last} onChange={(e) => edit({ last: e.currentTarget.value })} />
          <Checkbox
            label="Shared with everybody in the project"
            checked={shown.shared}
            onChange={(e) => edit({ shared: e.currentTarget.checked })}
          />
        </div>
      )}
      {!draft && (
        <p className={css.marks}>
          {board.source === "built_in" && <Tag>comes with every project</Tag>}
          {board.source !== "built_in" && <Tag>{board.shared ? "shared" : "yours alone"}</Tag>}
          {board.q && <code>{board.q}</code>}
        </p>
      )}
      {shown.tiles.length === 0 && (
        <Empty title="No tiles yet">
          <p>A tile is one question: a search, a metric, how it is grouped, and how it is drawn.</p>
        </Empty>
      )}
      <div className={css.grid} data-testid="dashboard">
        {shown.tiles.map((tile, i) => (
          <section
            key={i}
            aria-label={tile.title}
            className={css.tile}
            style={
              {
                "--column": `${tile.x + 1} / span ${Math.min(tile.w, 12 - tile.x)}`,
                "--row": `${tile.y + 1} / span ${tile.h}`,
                "--height": `${tile.h * 56}px`,
              } as React.CSSProperties
            }
          >
            <TileView
              project={project}
              tile={tile}
              q={shown.q}
              window={range.window}
              range={rangeOnly(asked)}
              onZoom={(start, end) => patch({ range: undefined, start: String(start), end: String(end) })}
            />
            {draft && (
              <Button size="compact-xs" variant="default" className={css.editTile} onClick={() => setEditing(i)}>
                Edit tile
              </Button>
            )}
          </section>
        ))}
      </div>
      <Drawer
        opened={draft !== null && chosen !== undefined}
        onClose={() => setEditing(null)}
        title={<strong>Tile</strong>}
        position="right"
        size={380}
        overlayProps={{ backgroundOpacity: 0 }}
      >
        {chosen && editing !== null && (
          <TileForm
            tile={chosen}
            onChange={(tile) => setTile(editing, tile)}
            onRemove={() => {
              setTile(editing, null);
              setEditing(null);
            }}
          />
        )}
      </Drawer>
      <Confirm
        opened={deleting}
        title={`Delete the dashboard ${board.name}?`}
        action="Delete"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate()}
        onClose={() => {
          remove.reset();
          setDeleting(false);
        }}
      >
        {board.shared ? "It goes for everybody in the project." : "Only you had it."} What it showed stays.
      </Confirm>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Page>
  );
}

interface MoreProps {
  project: string;
  board: DashboardView;
  may: boolean;
  onMade: (id: string) => void;
  onDelete: () => void;
}

function More({ project, board, may, onMade, onDelete }: MoreProps) {
  const queries = useQueryClient();
  const file = useRef<HTMLInputElement>(null);
  const made = async (view: DashboardView) => {
    await queries.invalidateQueries({ queryKey: dashboardsQuery(project).queryKey });
    onMade(view.id);
  };
  const create = useMutation({
    mutationFn: (wanted: object) => post<DashboardView>(inProject(project, "dashboards"), wanted),
    onSuccess: made,
  });
  const bring = useMutation({
    mutationFn: async (chosen: File) => {
      const text: unknown = JSON.parse(await chosen.text());
      return post<DashboardView>(inProject(project, "dashboards", "import"), { file: text, shared: false });
    },
    onSuccess: made,
  });
  const error = create.error ?? bring.error;
  return (
    <>
      <Menu position="bottom-end" width={230}>
        <Menu.Target>
          <ActionIcon variant="default" size={36} aria-label="More">
            <EllipsisVertical size={15} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item disabled={!may} onClick={() => create.mutate({ name: freshName("New dashboard") })}>
            New dashboard
          </Menu.Item>
          <Menu.Item disabled={!may} onClick={() => create.mutate({ ...body(board), name: freshName(board.name) })}>
            Copy this one
          </Menu.Item>
          <Menu.Item
            component="a"
            href={`${API}${inProject(project, "dashboards", board.id, "export")}`}
            download={`${board.name}.json`}
          >
            Download as a file
          </Menu.Item>
          <Menu.Item disabled={!may} onClick={() => file.current?.click()}>
            Make one from a file…
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item disabled={!may || board.source === "built_in"} color="red" onClick={onDelete}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <input
        ref={file}
        type="file"
        accept="application/json,.json"
        aria-label="A dashboard's file"
        hidden
        onChange={(event) => {
          const chosen = event.currentTarget.files?.[0];
          if (chosen) bring.mutate(chosen);
          event.currentTarget.value = "";
        }}
      />
      {error && <ProblemNotice error={error} />}
    </>
  );
}

const freshName = (name: string) => `${name.slice(0, 80)} ${new Date().toISOString().slice(5, 19).replace("T", " ")}`;
