import { Button, Group, Modal, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiProblem, inProject, post } from "@/api/client";
import type { RolloutAction, RolloutView } from "@/api/releaseTypes";
import { useMayOverride } from "@/lib/role";
import { ProblemNotice } from "@/ui/Notice";
import css from "./rollouts.module.css";

interface Words {
  title: string;
  /** What happens, and to whom. */
  what: string;
  button: string;
  color?: string;
}

const PATHS: Record<RolloutAction, string> = {
  advance: "advance",
  hold: "hold",
  resume: "resume",
  promote: "promote",
  roll_back: "rollback",
  stop: "stop",
};

export function wordsOf(action: RolloutAction, rollout: RolloutView): Words {
  const candidate = `r${rollout.candidate}`;
  const stable = rollout.stable === null ? "nothing" : `r${rollout.stable}`;
  const where = `${rollout.app} in ${rollout.environment}`;
  switch (action) {
    case "advance":
      return {
        title: "Go to the next step now?",
        what: `More of the traffic of ${where} goes to ${candidate}, before this step has shown what it asks for.`,
        button: "Next step",
      };
    case "hold":
      return {
        title: "Hold this rollout?",
        what: `${candidate} keeps the share it has; nothing goes on by itself, and a rule may still take it back.`,
        button: "Hold",
      };
    case "resume":
      return { title: "Let it go on?", what: "It goes on by its rules from the step it is at.", button: "Resume" };
    case "promote":
      return {
        title: `Promote ${candidate} to all traffic?`,
        what: `All calls of ${where} go to ${candidate}, within a second on every worker. ${stable === "nothing" ? "" : `${stable} is one click away.`}`,
        button: `Promote ${candidate}`,
      };
    case "roll_back":
      return {
        title: `Roll back to ${stable}?`,
        what: `All calls of ${where} go to ${stable}, within a second on every worker. Answers under way finish on the release they began with.`,
        button: `Roll back to ${stable}`,
        color: "red.8",
      };
    case "stop":
      return {
        title: "Stop this rollout?",
        what: `${where} goes on with ${stable}; nothing is said against ${candidate}.`,
        button: "Stop",
      };
  }
}

interface Props {
  project: string;
  rollout: RolloutView;
  action: RolloutAction;
  onClose: () => void;
}

/** Asks for the reason before a person decides over a rollout; it stands in the audit trail. */
export function ActDialog({ project, rollout, action, onClose }: Props) {
  const [reason, setReason] = useState("");
  const mayOverride = useMayOverride();
  const [override, setOverride] = useState("");
  const queries = useQueryClient();
  const words = wordsOf(action, rollout);
  const act = useMutation({
    mutationFn: () =>
      post<RolloutView>(inProject(project, "rollouts", rollout.id, PATHS[action]), {
        reason: reason.trim(),
        expected_revision: rollout.revision,
        override: override.trim(),
      }),
    onSuccess: async () => {
      await refreshReleases(queries, project);
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    act.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={<strong>{words.title}</strong>}>
      <form className={css.form} onSubmit={submit}>
        <p>{words.what}</p>
        <Textarea
          label="Reason"
          description="It stands in the audit trail."
          autosize
          minRows={2}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
        {act.isError && <ProblemNotice error={act.error} />}
        {act.error instanceof ApiProblem && act.error.code === "not_ready" && mayOverride && (
          <Textarea
            label="This is an emergency, because"
            description="Without what is demanded; written down with your name, for whoever asks later."
            autosize
            minRows={2}
            value={override}
            onChange={(event) => setOverride(event.currentTarget.value)}
          />
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="sm" color={words.color} loading={act.isPending} disabled={!reason.trim()}>
            {words.button}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

const CHANGED = [
  "apps",
  "app",
  "releases",
  "placements",
  "rollouts",
  "rollout",
  "readiness",
  "approvals",
  "gate",
  "audit",
];

/** After anything that changes what runs where: whatever tells of it is asked for anew. */
export async function refreshReleases(queries: ReturnType<typeof useQueryClient>, project: string): Promise<void> {
  await Promise.all(CHANGED.map((name) => queries.invalidateQueries({ queryKey: [name, project] })));
}
