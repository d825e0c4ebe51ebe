import { Select, Switch, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Gavel } from "lucide-react";
import { useState } from "react";
import { inProject, post } from "@/api/client";
import { type LegalHoldView, legalHoldsQuery } from "@/api/dataRules";
import { formatDateTime } from "@/lib/format";
import { useMay } from "@/lib/role";
import { Empty, Panel, Tag } from "@/ui/bits";
import { type Column, DataTable } from "@/ui/DataTable";
import { FormDialog } from "@/ui/FormDialog";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import css from "./data.module.css";
import { type HoldDraft, heldWords, holdBody, holdFault, NEW_HOLD } from "./dataForm";

interface Props {
  project: string;
  adding: boolean;
  onAdding: (on: boolean) => void;
  released: boolean;
  onReleased: (on: boolean) => void;
}

const NEEDS = "Only administrators set and release legal holds.";

/** "What must stay whatever retention and erasures say, and why?" */
export function HoldsView({ project, adding, onAdding, released, onReleased }: Props) {
  const found = useQuery(legalHoldsQuery(project));
  const may = useMay("legal_hold:write");
  const [ending, setEnding] = useState<LegalHoldView | null>(null);
  const all = found.data ?? [];
  const rows = all.filter((hold) => released || hold.released === null);
  const past = all.filter((hold) => hold.released !== null).length;
  const why = may ? undefined : NEEDS;
  const add = (
    <WriteButton
      needs="legal_hold:write"
      size="sm"
      leftSection={<Gavel size={15} />}
      why={why}
      onClick={() => onAdding(true)}
    >
      New legal hold
    </WriteButton>
  );
  if (found.isError || !found.data) return <Pending of={found} height={200} />;
  return (
    <>
      <div className={css.bar}>
        <p className="muted" style={{ flex: "1 1 320px" }}>
          What is held stays, whatever retention says and whoever asks for an erasure.
        </p>
        <span className={css.acts} style={{ alignItems: "center" }}>
          {past > 0 && (
            <Switch
              label={`Show released (${past})`}
              checked={released}
              onChange={(event) => onReleased(event.currentTarget.checked)}
            />
          )}
          {rows.length > 0 && add}
        </span>
      </div>
      {rows.length === 0 && (
        <Empty title="Nothing is held">
          <p>
            Where a court or an authority asks for something, hold it: a user, a session, a trace or the whole project,
            bounded by when it began. Who set it, who released it and why stand in the audit log.
          </p>
          {add}
        </Empty>
      )}
      {rows.length > 0 && (
        <Panel>
          <DataTable label="Legal holds" columns={columns(why, setEnding)} rows={rows} rowKey={(hold) => hold.id} />
        </Panel>
      )}
      {adding && may && <NewHold project={project} onClose={() => onAdding(false)} />}
      {ending && <Release project={project} hold={ending} onClose={() => setEnding(null)} />}
    </>
  );
}

function columns(why: string | undefined, onRelease: (hold: LegalHoldView) => void): Column<LegalHoldView>[] {
  return [
    { id: "what", label: "held", cell: (hold) => <strong>{heldWords(hold)}</strong> },
    { id: "why", label: "why", cell: (hold) => hold.reason },
    {
      id: "by",
      label: "set",
      cell: (hold) => (
        <>
          {formatDateTime(hold.created)} <span className="muted">by {hold.author_name || hold.author}</span>
        </>
      ),
    },
    {
      id: "state",
      label: "state",
      cell: (hold) =>
        hold.released === null ? (
          <Tag tone="accent">in force</Tag>
        ) : (
          <>
            <Tag>released</Tag>{" "}
            <span className="muted">
              {formatDateTime(hold.released)}: {hold.release_reason}
            </span>
          </>
        ),
    },
    {
      id: "actions",
      label: "",
      align: "right",
      cell: (hold) =>
        hold.released === null && (
          <WriteButton
            needs="legal_hold:write"
            variant="default"
            why={why}
            onClick={() => onRelease(hold)}
            aria-label={`Release the hold on ${heldWords(hold)}`}
          >
            Release…
          </WriteButton>
        ),
    },
  ];
}

const SUBJECTS = [
  { value: "user", label: "A user" },
  { value: "session", label: "A session" },
  { value: "trace", label: "A trace" },
  { value: "project", label: "The whole project" },
];

function NewHold({ project, onClose }: { project: string; onClose: () => void }) {
  const [draft, setDraft] = useState<HoldDraft>(NEW_HOLD);
  const queries = useQueryClient();
  const set = (more: Partial<HoldDraft>) => setDraft((now) => ({ ...now, ...more }));
  const add = useMutation({
    mutationFn: () => post<LegalHoldView>(inProject(project, "legal-holds"), holdBody(draft)),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: legalHoldsQuery(project).queryKey });
      onClose();
    },
  });
  const fault = holdFault(draft);
  return (
    <FormDialog
      title="New legal hold"
      action="Hold it"
      off={fault !== ""}
      why={fault}
      asking={add}
      onSubmit={() => add.mutate()}
      onClose={onClose}
    >
      <Select
        label="Hold"
        data={SUBJECTS}
        value={draft.subject}
        onChange={(value) => set({ subject: (value ?? "user") as HoldDraft["subject"] })}
        allowDeselect={false}
      />
      {draft.subject !== "project" && (
        <TextInput
          label={`Which ${draft.subject}`}
          description="Exactly as the application sends it."
          value={draft.value}
          onChange={(event) => set({ value: event.currentTarget.value })}
          data-autofocus
        />
      )}
      <div className={css.days}>
        <TextInput
          type="date"
          label="Begun from"
          value={draft.from}
          onChange={(event) => set({ from: event.currentTarget.value })}
        />
        <TextInput
          type="date"
          label="up to and with"
          value={draft.until}
          onChange={(event) => set({ until: event.currentTarget.value })}
        />
      </div>
      <Textarea
        label="Why"
        description="Stands in the audit log: a case's number, not a person's name. Days are in UTC; empty: no bound."
        value={draft.reason}
        maxLength={400}
        autosize
        onChange={(event) => set({ reason: event.currentTarget.value })}
      />
    </FormDialog>
  );
}

function Release({ project, hold, onClose }: { project: string; hold: LegalHoldView; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const queries = useQueryClient();
  const release = useMutation({
    mutationFn: () =>
      post<LegalHoldView>(inProject(project, "legal-holds", hold.id, "release"), { reason: reason.trim() }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: legalHoldsQuery(project).queryKey });
      onClose();
    },
  });
  return (
    <FormDialog
      title={`Release the hold on ${heldWords(hold)}?`}
      action="Release"
      cancel="Keep it"
      color="red.8"
      off={!reason.trim()}
      asking={release}
      onSubmit={() => release.mutate()}
      onClose={onClose}
    >
      <p>
        From then on the next run of retention removes what is over age, and an erasure of it goes through. A released
        hold does not come back: set another.
      </p>
      <TextInput
        label="Why"
        description="Stands in the audit log."
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        data-autofocus
      />
    </FormDialog>
  );
}
