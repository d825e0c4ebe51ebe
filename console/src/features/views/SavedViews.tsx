import { ActionIcon, Button, Checkbox, Menu, Modal, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Bookmark, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { inProject, post } from "@/api/client";
import { viewsQuery } from "@/api/seen";
import type { SavedViewBody } from "@/api/types";
import { READ_ONLY, useMay } from "@/lib/role";
import { Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { ProblemNotice } from "@/ui/Notice";
import { useRemoval } from "@/ui/removal";

interface Props {
  project: string;
  page: SavedViewBody["page"];
  q: string;
  /** The length of time back from now that is shown, such as `24h`; empty for a fixed range. */
  last: string;
  sort?: string;
  onApply: (view: { q: string; last: string; sort: string }) => void;
}

/** Questions that were worth keeping: one's own, and those shared in the project. */
export function SavedViews({ project, page, q, last, sort = "", onApply }: Props) {
  const [saving, setSaving] = useState(false);
  const [opened, setOpened] = useState(false);
  const views = useQuery({ ...viewsQuery(project), enabled: opened });
  const may = useMay("view:write");
  const [removing, setRemoving] = useState<SavedViewBody | null>(null);
  const remove = useRemoval({
    at: (view: SavedViewBody) => [inProject(project, "views", view.id), view.revision],
    stale: [viewsQuery(project).queryKey],
    onRemoved: () => setRemoving(null),
  });
  const here = (views.data ?? []).filter((view) => view.page === page);
  return (
    <>
      <Menu position="bottom-end" width={280} opened={opened} onChange={setOpened}>
        <Menu.Target>
          <Button variant="default" size="sm" px={10} leftSection={<Bookmark size={14} />}>
            Views
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Saved views</Menu.Label>
          {views.isPending && <Menu.Item disabled>Loading…</Menu.Item>}
          {views.data && here.length === 0 && <Menu.Item disabled>None yet</Menu.Item>}
          {here.map((view) => (
            <div key={view.id} style={{ display: "flex", alignItems: "center", gap: 4 }}>
              <Menu.Item
                style={{ flex: 1, minWidth: 0 }}
                onClick={() => onApply({ q: view.q, last: view.last, sort: view.sort })}
                title={view.q}
                rightSection={view.shared ? <Tag>shared</Tag> : undefined}
              >
                <span className="ellipsis">{view.name}</span>
              </Menu.Item>
              {view.own && may && (
                <ActionIcon
                  aria-label={`Remove the view ${view.name}`}
                  onClick={() => {
                    setOpened(false);
                    setRemoving(view);
                  }}
                >
                  <Trash2 size={13} />
                </ActionIcon>
              )}
            </div>
          ))}
          {views.error && <ProblemNotice error={views.error} />}
          <Menu.Divider />
          <Menu.Item disabled={!may} title={may ? undefined : READ_ONLY} onClick={() => setSaving(true)}>
            Save this view…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={removing !== null}
        title={`Remove the view ${removing?.name}?`}
        action="Remove"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => removing && remove.mutate(removing)}
        onClose={() => {
          remove.reset();
          setRemoving(null);
        }}
      >
        {removing?.shared ? "It goes for everybody in the project." : "Only you had it."} What it found stays.
      </Confirm>
      <SaveDialog
        key={String(saving)}
        project={project}
        opened={saving}
        body={{ page, q, last, sort }}
        onClose={() => setSaving(false)}
      />
    </>
  );
}

interface SaveProps {
  project: string;
  opened: boolean;
  body: Pick<SavedViewBody, "page" | "q" | "last" | "sort">;
  onClose: () => void;
}

function SaveDialog({ project, opened, body, onClose }: SaveProps) {
  const [name, setName] = useState("");
  const [shared, setShared] = useState(false);
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => post(inProject(project, "views"), { ...body, name: name.trim(), shared }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: viewsQuery(project).queryKey });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim()) save.mutate();
  };
  return (
    <Modal opened={opened} onClose={onClose} title={<strong>Save this view</strong>}>
      <form onSubmit={submit} style={{ display: "grid", gap: 14 }}>
        <p className="muted">
          {body.q ? <code>{body.q}</code> : "No search"}
          {body.last && `, the last ${body.last}`}
        </p>
        <TextInput label="Name" value={name} onChange={(e) => setName(e.currentTarget.value)} data-autofocus required />
        <Checkbox
          label="Share it with everybody in the project"
          checked={shared}
          onChange={(e) => setShared(e.currentTarget.checked)}
        />
        {save.error && <ProblemNotice error={save.error} />}
        <Button type="submit" loading={save.isPending} disabled={!name.trim()}>
          Save
        </Button>
      </form>
    </Modal>
  );
}
