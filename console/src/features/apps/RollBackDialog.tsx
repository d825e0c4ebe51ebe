import { Button, Group, Modal, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { inProject, post } from "@/api/client";
import type { PlacementView } from "@/api/releaseTypes";
import { ProblemNotice } from "@/ui/Notice";
import { refreshReleases } from "../rollouts/Act";
import css from "./apps.module.css";

interface Props {
  project: string;
  placement: PlacementView;
  onClose: () => void;
}

/** Back to what ran before, or to a release that ran there some time. Nothing that is demanded stands in the way. */
export function RollBackDialog({ project, placement, onClose }: Props) {
  const { app, environment, stable, open } = placement;
  const [reason, setReason] = useState("");
  const [to, setTo] = useState("");
  const queries = useQueryClient();
  const back = useMutation({
    mutationFn: () =>
      post<PlacementView>(inProject(project, "apps", app, "environments", environment, "rollback"), {
        ...(to.trim() && { to: to.trim() }),
        reason: reason.trim(),
        expected_revision: placement.revision,
      }),
    onSuccess: async () => {
      await refreshReleases(queries, project);
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    back.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={<strong>{`Roll ${app} back in ${environment}?`}</strong>}>
      <form className={css.form} onSubmit={submit}>
        <p>
          {open
            ? `The rollout to r${open.candidate} ends and all calls go to r${stable}`
            : `All calls go to what ran before r${stable}`}
          , within a second on every worker. Answers under way finish on the release they began with.
        </p>
        <TextInput
          label="To another release"
          description={`One that ran in ${environment} some time, such as r${Math.max(1, (stable ?? 2) - 1)}. Empty: the one before.`}
          value={to}
          onChange={(event) => setTo(event.currentTarget.value)}
          spellCheck={false}
        />
        <Textarea
          label="Reason"
          description="It stands in the audit trail."
          autosize
          minRows={2}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
        {back.isError && <ProblemNotice error={back.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="sm" color="red.8" loading={back.isPending} disabled={!reason.trim()}>
            Roll back
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
