import { Checkbox, MultiSelect, TagsInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { del, inProject, put } from "@/api/client";
import type { StatedTerms } from "@/api/dataRules";
import { dataTermsQuery } from "@/api/policies";
import { FormDialog } from "@/ui/FormDialog";
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
  const [draft, setDraft] = useState(() => termsDraft(stated));
  const queries = useQueryClient();
  const path = inProject(project, `${subject}s`, name, "data-terms");
  const body = termsBody(draft);
  const save = useMutation({
    mutationFn: async () => (saysNothing(body) ? await del(path) : await put<StatedTerms>(path, body)),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: dataTermsQuery(project).queryKey });
      onClose();
    },
  });
  const unchanged = JSON.stringify(body) === JSON.stringify(termsBody(termsDraft(stated)));
  const unsaid = subject === "model" ? "as its provider" : "not stated";
  return (
    <FormDialog
      title={`Terms of the ${subject} ${name}`}
      action={saysNothing(body) && stated ? "State nothing" : "Save"}
      off={unchanged}
      asking={save}
      onSubmit={() => save.mutate()}
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
    </FormDialog>
  );
}
