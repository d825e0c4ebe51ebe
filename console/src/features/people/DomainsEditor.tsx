import { Button, Drawer, TagsInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { put } from "@/api/client";
import { type Domains, domainsAt, domainsKey } from "@/api/identity";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import css from "./people.module.css";

/** Which domains of e-mail are an organisation's own: its directory gives people no other address. */
export function DomainsEditor({ found, onClose }: { found: Domains; onClose: () => void }) {
  const [domains, setDomains] = useState(found.domains);
  const leaving = useLeaving();
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => put<Domains>(domainsAt(found.organisation), { domains }),
    onSuccess: async () => {
      leaving.current = true;
      await queries.invalidateQueries({ queryKey: domainsKey(found.organisation) });
      onClose();
    },
  });
  const dirty = JSON.stringify(domains) !== JSON.stringify(found.domains);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (dirty) save.mutate();
  };
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={560}
      title={<strong>Domains of {found.organisation}</strong>}
    >
      <form onSubmit={submit} style={{ display: "grid", gap: 16 }} aria-label="Domains">
        <TagsInput
          label="Domains of e-mail"
          description="What is behind the @, such as example.com; Enter adds one. A domain covers itself, not what is below it."
          value={domains}
          onChange={setDomains}
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
        {save.isError && <ProblemNotice error={save.error} />}
        <div className={css.acts}>
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="sm" loading={save.isPending} disabled={!dirty}>
            Save
          </Button>
        </div>
      </form>
      <UnsavedGuard dirty={dirty} leaving={leaving} />
    </Drawer>
  );
}
