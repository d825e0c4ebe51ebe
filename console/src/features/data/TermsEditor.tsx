import { Checkbox, MultiSelect, TagsInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { del, inProject, put } from "@/api/client";
import type { StatedTerms } from "@/api/dataRules";
import { dataTermsQuery } from "@/api/policies";
import { meantBy } from "@/ui/conflict";
import { useSaving } from "@/ui/EditDrawer";
import { FormDialog } from "@/ui/FormDialog";
import { Refused } from "@/ui/Meanwhile";
import css from "./data.module.css";
import { saysNothing, termsBody, termsDraft } from "./dataForm";

const USUAL = ["no-training", "zero-retention", "dpa"];

interface Props {
  project: string;
  subject: StatedTerms["subject"];
  name: string;
  stated: StatedTerms | undefined;
  classes: string[];
  onClose: () => void;
}

/** What was agreed with a provider, or holds for one of its models. */
export function TermsEditor({ project, subject, name, stated, classes, onClose }: Props) {
  // As it was opened: what somebody else stated since is refused with the difference, not written over.
  const [opened, setOpened] = useState(() => ({ form: termsDraft(stated), revision: stated?.revision ?? 0 }));
  const [draft, setDraft] = useState(opened.form);
  const path = inProject(project, `${subject}s`, name, "data-terms");
  const body = termsBody(draft);
  const saving = useSaving<unknown>({
    save: () =>
      saysNothing(body)
        ? del(path, opened.revision)
        : put<StatedTerms>(path, { ...body, expected_revision: opened.revision }),
    stale: [dataTermsQuery(project).queryKey],
    onSaved: onClose,
  });
  const now = { form: termsDraft(stated), revision: stated?.revision ?? 0 };
  const meant = meantBy(saving.problem, { base: opened, form: draft, now }, (next, mine) => {
    setOpened({ form: next.form, revision: next.revision ?? 0 });
    setDraft(mine);
    saving.reset();
  });
  const unchanged = JSON.stringify(body) === JSON.stringify(termsBody(opened.form));
  const unsaid = subject === "model" ? "as its provider" : "not stated";
  return (
    <FormDialog
      title={`Terms of the ${subject} ${name}`}
      action={saysNothing(body) && stated ? "State nothing" : "Save"}
      off={unchanged}
      asking={{ isPending: saving.busy, error: meant ? null : saving.problem }}
      onSubmit={saving.save}
      onClose={onClose}
    >
      <TextInput
        label="Region"
        description={`Where it processes: eu-west-1, us. Left empty: ${unsaid}.`}
        value={draft.region}
        onChange={(event) => setDraft({ ...draft, region: event.currentTarget.value })}
        data-autofocus
      />
      <div className={css.section}>
        <Checkbox
          label="State which classes it may be given"
          description={`Off: ${unsaid}.`}
          checked={draft.states_classes}
          onChange={(event) => setDraft({ ...draft, states_classes: event.currentTarget.checked })}
        />
        {draft.states_classes && (
          <MultiSelect
            aria-label="Classes"
            placeholder={draft.classes.length > 0 ? "" : "none at all"}
            data={[...new Set([...classes, ...draft.classes])]}
            value={draft.classes}
            onChange={(next) => setDraft({ ...draft, classes: next })}
          />
        )}
      </div>
      <div className={css.section}>
        <Checkbox
          label="State what was agreed"
          description={`Off: ${unsaid}.`}
          checked={draft.states_terms}
          onChange={(event) => setDraft({ ...draft, states_terms: event.currentTarget.checked })}
        />
        {draft.states_terms && (
          <TagsInput
            aria-label="Terms"
            placeholder={draft.terms.length > 0 ? "" : USUAL.join(", ")}
            data={USUAL}
            value={draft.terms}
            onChange={(next) => setDraft({ ...draft, terms: next })}
          />
        )}
      </div>
      {meant && <Refused problem={saving.problem} meant={meant} />}
    </FormDialog>
  );
}
