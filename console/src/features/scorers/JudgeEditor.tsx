import { Button, Drawer, Select, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { inProject, post } from "@/api/client";
import type { JudgeView, ScorerView } from "@/api/evaluationTypes";
import { badName } from "@/lib/name";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { SchemaForm } from "./SchemaForm";
import { fieldsOf, read, type Written, written } from "./schemaForm";
import css from "./scorers.module.css";

interface Props {
  project: string;
  judge: JudgeView | undefined;
  kinds: ScorerView[];
  onClose: () => void;
}

/** A judge in the team's own words; every change is a version. */
export function JudgeEditor({ project, judge, kinds, onClose }: Props) {
  const judging = useJudge({ project, judge, kinds, onClose });
  const { name, kindName, kind, fields, texts, wrong, misnamed, message, save } = judging;
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={600}
      title={<strong>{judge ? `Edit ${judge.scorer}` : "New judge"}</strong>}
    >
      <form className={css.form} onSubmit={judging.submit} noValidate>
        <TextInput
          label="Name"
          description={name ? `Suites name it judge:${name}.` : "Suites name it judge:NAME."}
          value={name}
          disabled={Boolean(judge)}
          error={misnamed}
          onChange={(event) => judging.setName(event.currentTarget.value)}
          spellCheck={false}
          data-autofocus={!judge || undefined}
        />
        <Select
          label="How it judges"
          description={kind?.about}
          data={kinds.map((each) => each.name)}
          value={kindName}
          allowDeselect={false}
          onChange={(next) => judging.chooseKind(next ?? "")}
        />
        <SchemaForm fields={fields} form={texts} wrong={wrong} onChange={judging.setOption} />
        <TextInput
          label="What changed and why"
          value={message}
          onChange={(event) => judging.setMessage(event.currentTarget.value)}
        />
        {judge && (
          <Notice tone="warn">
            A new version is a new judge: what people said of version {judge.version} does not vouch for it.
          </Notice>
        )}
        {save.isError && <ProblemNotice error={save.error} />}
        <div className={css.foot}>
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="sm" loading={save.isPending}>
            {judge ? `Save version ${judge.version + 1}` : "Make it"}
          </Button>
        </div>
      </form>
      <UnsavedGuard dirty={judging.dirty} leaving={judging.leaving} />
    </Drawer>
  );
}

/** A judge while it is being written, and saving it as a version. */
function useJudge({ project, judge, kinds, onClose }: Props) {
  const [name, setName] = useState(judge?.name ?? "");
  const [kindName, setKind] = useState(
    judge?.kind ?? kinds.find((each) => each.name === "rubric")?.name ?? kinds[0]?.name ?? "",
  );
  const kind = kinds.find((each) => each.name === kindName);
  const fields = kind ? fieldsOf(kind.options) : [];
  const [form, setForm] = useState<Record<string, Written>>({});
  const [message, setMessage] = useState("");
  const [tried, setTried] = useState(false);
  const leaving = useLeaving();
  const queries = useQueryClient();
  const texts = Object.fromEntries(
    fields.map((field) => [
      field.name,
      form[field.name] ?? written(field, judge?.kind === kindName ? judge.options[field.name] : undefined),
    ]),
  );
  const { value, wrong } = read(fields, texts);
  const misnamed = badName(name);
  const dirty = Object.keys(form).length > 0 || message !== "" || (!judge && name !== "");
  const save = useMutation({
    mutationFn: () =>
      post<{ judge: JudgeView; created: boolean }>(inProject(project, "judges", name, "versions"), {
        kind: kindName,
        options: value,
        message: message.trim(),
        expected_version: judge?.version ?? 0,
      }),
    onSuccess: async () => {
      leaving.current = true;
      await queries.invalidateQueries({ queryKey: ["judges", project] });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!misnamed && Object.keys(wrong).length === 0) save.mutate();
  };
  return {
    name,
    setName,
    kindName,
    chooseKind: (next: string) => {
      setKind(next);
      setForm({});
    },
    kind,
    fields,
    texts,
    setOption: (field: string, next: Written) => setForm((now) => ({ ...now, [field]: next })),
    wrong: tried ? wrong : {},
    misnamed: tried ? misnamed : "",
    message,
    setMessage,
    dirty,
    leaving,
    save,
    submit,
  };
}
