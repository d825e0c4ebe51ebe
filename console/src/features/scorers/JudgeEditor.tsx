import { Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { inProject, post } from "@/api/client";
import type { JudgeView, ScorerView } from "@/api/evaluationTypes";
import { badName } from "@/lib/name";
import { EditDrawer, useAsOpened, useSaving } from "@/ui/EditDrawer";
import { Notice } from "@/ui/Notice";
import { SchemaForm } from "./SchemaForm";
import { fieldsOf, read, type Written, written } from "./schemaForm";

interface Props {
  project: string;
  judge: JudgeView | undefined;
  kinds: ScorerView[];
  onClose: () => void;
}

/** A judge in the team's own words; every change is a version. */
export function JudgeEditor({ project, judge: given, kinds, onClose }: Props) {
  const judge = useAsOpened(given);
  const judging = useJudge({ project, judge, kinds, onClose });
  const { name, kindName, kind, fields, texts, wrong, misnamed, message } = judging;
  return (
    <EditDrawer
      editing={judging}
      title={judge ? `Edit ${judge.scorer}` : "New judge"}
      size={600}
      gap={12}
      action={judge ? `Save version ${judge.version + 1}` : "Make it"}
      onClose={onClose}
    >
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
    </EditDrawer>
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
  const texts = Object.fromEntries(
    fields.map((field) => [
      field.name,
      form[field.name] ?? written(field, judge?.kind === kindName ? judge.options[field.name] : undefined),
    ]),
  );
  const { value, wrong } = read(fields, texts);
  const misnamed = badName(name);
  const saving = useSaving({
    save: () =>
      post<{ judge: JudgeView; created: boolean }>(inProject(project, "judges", name, "versions"), {
        kind: kindName,
        options: value,
        message: message.trim(),
        expected_version: judge?.version ?? 0,
      }),
    stale: [["judges", project]],
    onSaved: onClose,
  });
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
    dirty: Object.keys(form).length > 0 || message !== "" || (!judge && name !== ""),
    leaving: saving.leaving,
    busy: saving.busy,
    problem: saving.problem,
    submit: () => {
      setTried(true);
      if (!misnamed && Object.keys(wrong).length === 0) saving.save();
    },
  };
}
