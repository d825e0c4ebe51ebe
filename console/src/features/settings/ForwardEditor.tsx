import { Button, PasswordInput, Select, Switch, Textarea, TextInput } from "@mantine/core";
import { inProject, patch, post } from "@/api/client";
import { forwardsQuery } from "@/api/forwards";
import type { ForwardView } from "@/api/types";
import { CopyIconButton } from "@/ui/Copy";
import { EditDrawer, useEditing } from "@/ui/EditDrawer";
import {
  CONTENTS,
  check,
  type ForwardForm,
  type ForwardWrong,
  formOf,
  KINDS,
  type Kind,
  madeSecret,
  newForwardOf,
  patchOf,
} from "./forwardForm";
import css from "./settings.module.css";

interface Props {
  project: string;
  forward: ForwardView | undefined;
  onClose: () => void;
}

const KIND_CHOICES = Object.entries(KINDS).map(([value, { label }]) => ({ value, label }));

/** Where closed traces are to go, and which of them with how much. */
export function ForwardEditor({ project, forward, onClose }: Props) {
  const editing = useEditing({
    begin: () => formOf(forward),
    now: forward && { form: formOf(forward), revision: forward.revision },
    check: (form) => check(form, forward),
    save: (form, initial, revision) =>
      forward
        ? patch<ForwardView>(inProject(project, "forwards", forward.name), {
            ...patchOf(form, initial),
            expected_revision: revision,
          })
        : post<ForwardView>(inProject(project, "forwards"), newForwardOf(form)),
    stale: [forwardsQuery(project).queryKey],
    onSaved: onClose,
  });
  const { form, set, wrong } = editing;
  return (
    <EditDrawer
      editing={editing}
      title={forward ? `Edit ${forward.name}` : "Forward closed traces"}
      label="Destination"
      size={520}
      action={forward ? "Save" : "Add"}
      off={forward !== undefined && !editing.dirty}
      apart
      onClose={onClose}
    >
      <Whereto form={form} set={set} wrong={wrong} forward={forward} />
      <Secrets form={form} set={set} wrong={wrong} forward={forward} />
      <Which form={form} set={set} wrong={wrong} />
      <Switch
        label="Deliver"
        description="Off: what arrives meanwhile waits here, and is sent once it is on again."
        checked={form.enabled}
        onChange={(e) => set({ enabled: e.currentTarget.checked })}
      />
    </EditDrawer>
  );
}

interface FieldProps {
  form: ForwardForm;
  set: (change: Partial<ForwardForm>) => void;
  wrong: ForwardWrong;
}

function Whereto({ form, set, wrong, forward }: FieldProps & { forward: ForwardView | undefined }) {
  const kind = KINDS[form.kind];
  return (
    <>
      <Select
        label="Kind"
        description={kind.about}
        data={KIND_CHOICES}
        value={form.kind}
        onChange={(value) => set({ kind: (value ?? form.kind) as Kind })}
        disabled={forward !== undefined}
        allowDeselect={false}
      />
      {!forward && (
        <TextInput
          label="Name"
          description="What it is called here; it stays."
          value={form.name}
          error={wrong.name}
          onChange={(e) => set({ name: e.currentTarget.value })}
          spellCheck={false}
          data-autofocus
        />
      )}
      <TextInput
        label="Address"
        description={kind.address}
        placeholder={kind.placeholder}
        value={form.url}
        error={wrong.url}
        onChange={(e) => set({ url: e.currentTarget.value })}
        spellCheck={false}
      />
    </>
  );
}

const KEPT = "Kept encrypted and never shown again.";
const DOTS = "Leave the dots to keep a value, type over them to replace it, remove the line to forget it.";

function Secrets({ form, set, wrong, forward }: FieldProps & { forward: ForwardView | undefined }) {
  if (form.kind === "kafka") {
    return (
      <Textarea
        label="Options"
        description={`The client's properties (librdkafka's), one for each line, such as “sasl.password: …”; line ends of a certificate as \\n. ${forward?.options && Object.keys(forward.options).length > 0 ? DOTS : KEPT}`}
        autosize
        minRows={2}
        value={form.options}
        error={wrong.options}
        onChange={(e) => set({ options: e.currentTarget.value })}
        spellCheck={false}
      />
    );
  }
  return (
    <>
      {form.kind === "webhook" && <Signature form={form} set={set} wrong={wrong} hint={forward?.secret_hint ?? ""} />}
      <Textarea
        label="Headers"
        description={`One for each line, such as “Authorization: Bearer …”. ${forward && Object.keys(forward.headers).length > 0 ? DOTS : KEPT}`}
        autosize
        minRows={2}
        value={form.headers}
        error={wrong.headers}
        onChange={(e) => set({ headers: e.currentTarget.value })}
        spellCheck={false}
      />
    </>
  );
}

function Signature({ form, set, wrong, hint }: FieldProps & { hint: string }) {
  return (
    <div className={css.secret}>
      <PasswordInput
        label={hint ? `Secret (one ending in ${hint} is kept)` : "Secret"}
        description={
          hint
            ? "What events are signed with. Type another to replace it; leave this empty to keep it."
            : `What events are signed with; the receiver needs it, too. ${KEPT}`
        }
        value={form.secret}
        error={wrong.secret}
        onChange={(e) => set({ secret: e.currentTarget.value })}
        autoComplete="off"
        spellCheck={false}
        visibilityToggleButtonProps={{ "aria-label": "Show the secret" }}
      />
      <span className={css.ways}>
        <Button variant="default" size="xs" onClick={() => set({ secret: madeSecret() })}>
          Make one
        </Button>
        {form.secret && <CopyIconButton text={form.secret} label="Copy the secret" />}
      </span>
    </div>
  );
}

function Which({ form, set, wrong }: FieldProps) {
  return (
    <>
      <Select
        label="Content"
        description="How much of messages, tool calls and answers goes along. Names, metadata and errors' own words always do."
        data={CONTENTS}
        value={form.content}
        onChange={(value) => set({ content: (value as ForwardForm["content"] | null) ?? form.content })}
        allowDeselect={false}
      />
      <TextInput
        label="Only traces that match"
        description="A search as in the list of traces, asked when a trace is closed. Empty: all."
        placeholder="status:error"
        value={form.filter}
        error={wrong.filter}
        onChange={(e) => set({ filter: e.currentTarget.value })}
        spellCheck={false}
      />
      <TextInput
        label="Share of them"
        description="Drawn by the trace id: always the same ones."
        rightSection={<span className="muted">%</span>}
        inputMode="decimal"
        value={form.share}
        error={wrong.share}
        onChange={(e) => set({ share: e.currentTarget.value })}
      />
      <details open={Boolean(wrong.quiet ?? wrong.rootWait) || undefined}>
        <summary className={css.summary}>When a trace is closed</summary>
        <div className={css.two}>
          <TextInput
            label="Quiet for"
            description="Nothing more came of it for so long."
            rightSection={<span className="muted">s</span>}
            inputMode="decimal"
            value={form.quiet}
            error={wrong.quiet}
            onChange={(e) => set({ quiet: e.currentTarget.value })}
          />
          <TextInput
            label="Without its root after"
            description="Its root did not come for so long."
            rightSection={<span className="muted">s</span>}
            inputMode="decimal"
            value={form.rootWait}
            error={wrong.rootWait}
            onChange={(e) => set({ rootWait: e.currentTarget.value })}
          />
        </div>
      </details>
    </>
  );
}
