import { Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { inProject, post } from "@/api/client";
import type { PlacementView } from "@/api/releaseTypes";
import { FormDialog } from "@/ui/FormDialog";
import { refreshReleases } from "../rollouts/Act";

interface Props {
  project: string;
  placement: PlacementView;
  onClose: () => void;
}

/** Back to what ran before, or to a release that ran there some time. Nothing that is demanded stands in the way. */
export function RollBackDialog({ project, placement, onClose }: Props) {
  const { app, environment, stable, open, back_to: before } = placement;
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
  return (
    <FormDialog
      title={`Roll ${app} back in ${environment}?`}
      action="Roll back"
      color="red.8"
      off={!reason.trim()}
      asking={back}
      onSubmit={() => back.mutate()}
      onClose={onClose}
    >
      <p>
        {open
          ? `The rollout to r${open.candidate} ends and all calls go to r${stable}`
          : `All calls go to ${before === null ? "what" : `r${before}, which`} ran before r${stable}`}
        , within a second on every worker. Answers under way finish on the release they began with.
      </p>
      <TextInput
        label="To another release"
        description={`One that ran in ${environment} some time, and was not itself taken back. Empty: ${open ? `r${stable}` : before === null ? "the one before" : `r${before}`}.`}
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
    </FormDialog>
  );
}
