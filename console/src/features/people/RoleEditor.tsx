import { Checkbox, Textarea, TextInput } from "@mantine/core";
import { post, put } from "@/api/client";
import { at, type Place, rolesOf } from "@/api/identity";
import type { MemberView, RoleList, RoleView } from "@/api/types";
import { plural } from "@/lib/format";
import { EditDrawer, useEditing } from "@/ui/EditDrawer";
import { Notice } from "@/ui/Notice";
import css from "./people.module.css";
import { type Area, areasOf, changesOf, draftOf, nameFault, type RoleDraft, saying } from "./roles";

interface Props {
  place: Place;
  list: RoleList;
  /** The role that is changed; none: a new one. */
  role: RoleView | undefined;
  /** What a new one begins with. */
  base: RoleView | undefined;
  holders: readonly MemberView[];
  onClose: () => void;
}

/** A role as permissions by area. What is saved is in force for all who have it. */
export function RoleEditor({ place, list, role, base, holders, onClose }: Props) {
  const open = areasOf(list.permissions, list.instance_only);
  const heldOf = (draft: RoleDraft) =>
    draft.permissions.filter((each) => open.some((area) => area.permissions.includes(each)));
  const editing = useEditing({
    begin: (): RoleDraft => (base ? { ...draftOf(base), name: "" } : draftOf(role)),
    now: role && !base ? { form: draftOf(role), revision: role.revision } : undefined,
    save: (draft, _, revision) => {
      const body = { about: draft.about.trim(), permissions: heldOf(draft) };
      return role
        ? put<RoleView>(at(place, "roles", role.name), { ...body, expected_revision: revision })
        : post<RoleView>(at(place, "roles"), { name: draft.name, ...body });
    },
    stale: [[rolesOf(place).queryKey[0]]],
    onSaved: onClose,
  });
  const { form: draft, set } = editing;
  const held = heldOf(draft);
  const taken = list.items.map((each) => each.name);
  const fault = role ? "" : nameFault(draft.name, taken);
  return (
    <EditDrawer
      editing={editing}
      title={role ? `Role ${role.name}` : "New role"}
      size={760}
      gap={18}
      action={role ? "Save" : "Make the role"}
      off={fault !== "" || held.length === 0 || !editing.dirty}
      onClose={onClose}
    >
      {!role && (
        <TextInput
          label="Name"
          description="Such as prompt-writer. It cannot be changed later."
          value={draft.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          error={draft.name !== "" && fault}
          data-autofocus
        />
      )}
      <Textarea
        label="What it is for"
        value={draft.about}
        maxLength={400}
        autosize
        onChange={(event) => set({ about: event.currentTarget.value })}
      />
      <Areas areas={open} held={held} onChange={(permissions) => set({ permissions })} />
      {role && <Effect before={role.permissions} after={held} holders={holders} />}
    </EditDrawer>
  );
}

interface AreasProps {
  areas: readonly Area[];
  held: readonly string[];
  onChange: (held: string[]) => void;
}

function Areas({ areas, held, onChange }: AreasProps) {
  const toggle = (names: readonly string[], on: boolean) =>
    onChange(
      on ? [...held, ...names.filter((each) => !held.includes(each))] : held.filter((each) => !names.includes(each)),
    );
  return (
    <div className={css.areas}>
      {areas.map((area) => {
        const count = area.permissions.filter((each) => held.includes(each)).length;
        return (
          <fieldset key={area.name} className={css.area}>
            <legend>
              <Checkbox
                label={`${area.name} (${count} of ${area.permissions.length})`}
                checked={count === area.permissions.length}
                indeterminate={count > 0 && count < area.permissions.length}
                onChange={(event) => toggle(area.permissions, event.currentTarget.checked)}
                size="sm"
              />
            </legend>
            {area.permissions.map((each) => (
              <Checkbox
                key={each}
                size="xs"
                label={saying(each)}
                title={each}
                checked={held.includes(each)}
                onChange={(event) => toggle([each], event.currentTarget.checked)}
              />
            ))}
          </fieldset>
        );
      })}
    </div>
  );
}

interface EffectProps {
  before: readonly string[];
  after: readonly string[];
  holders: readonly MemberView[];
}

/** Whom a change reaches the moment it is saved. */
function Effect({ before, after, holders }: EffectProps) {
  const { given, taken } = changesOf(before, after);
  if (given.length + taken.length === 0) return null;
  return (
    <Notice
      tone="warn"
      title={`At once, for ${holders.length === 0 ? "everybody who has it elsewhere" : plural(holders.length, "member")}`}
    >
      {given.length > 0 && <div>They may also: {given.map(saying).join(", ")}.</div>}
      {taken.length > 0 && <div>They may no more: {taken.map(saying).join(", ")}.</div>}
    </Notice>
  );
}
