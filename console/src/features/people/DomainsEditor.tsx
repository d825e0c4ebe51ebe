import { TagsInput } from "@mantine/core";
import { put } from "@/api/client";
import { type Domains, domainsAt, domainsKey } from "@/api/identity";
import { EditDrawer, useEditing } from "@/ui/EditDrawer";
import { Notice } from "@/ui/Notice";

/** Which domains of e-mail are an organisation's own: its directory gives people no other address. */
export function DomainsEditor({ found, onClose }: { found: Domains; onClose: () => void }) {
  const editing = useEditing({
    begin: () => ({ domains: found.domains }),
    now: { form: { domains: found.domains }, revision: found.revision },
    save: (form, _, revision) => put<Domains>(domainsAt(found.organisation), { ...form, expected_revision: revision }),
    stale: [domainsKey(found.organisation)],
    onSaved: onClose,
  });
  const { domains } = editing.form;
  return (
    <EditDrawer
      editing={editing}
      title={`Domains of ${found.organisation}`}
      label="Domains"
      size={560}
      gap={16}
      action="Save"
      off={!editing.dirty}
      onClose={onClose}
    >
      <TagsInput
        label="Domains of e-mail"
        description="What is behind the @, such as example.com; Enter adds one. A domain covers itself, not what is below it."
        value={domains}
        onChange={(next) => editing.set({ domains: next })}
        splitChars={[",", " "]}
        acceptValueOnBlur
        data-autofocus
      />
      {domains.length === 0 ? (
        <Notice tone="warn">
          Without domains its directory may give people any address whose domain is no other organisation's.
        </Notice>
      ) : (
        <p className="muted" style={{ margin: 0 }}>
          Its directory gives people addresses of these alone. Who has another already keeps it until it is changed.
        </p>
      )}
    </EditDrawer>
  );
}
