import { Radio, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { inProject, post } from "@/api/client";
import { type GuardReport, type GuardView, guardsKey, type Mode } from "@/api/guards";
import { formatInt } from "@/lib/format";
import { FormDialog } from "@/ui/FormDialog";
import { Notice } from "@/ui/Notice";
import css from "./guards.module.css";
import { actionOf, MODES, modeOf, stoppedOf, stops } from "./words";

interface Props {
  project: string;
  guard: GuardView;
  report: GuardReport | undefined;
  onClose: () => void;
}

/** Shadow, enforce or off, with what that means and what it would stop. A new version, as every change. */
export function ModeDialog({ project, guard, report, onClose }: Props) {
  const now = modeOf(guard.spec);
  const [mode, setMode] = useState<Mode>(now);
  const [message, setMessage] = useState("");
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () =>
      post(inProject(project, "guards", guard.name, "versions"), {
        spec: { ...guard.spec, mode },
        message: message.trim() || `Switched from ${now} to ${mode}`,
        expected_version: guard.version,
      }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: guardsKey(project) });
      onClose();
    },
  });
  const shadowed = report && stoppedOf(report).find((each) => each.would);
  return (
    <FormDialog
      title={`Mode of ${guard.name}`}
      size={560}
      action={`Switch to ${MODES[mode].label.toLowerCase()}`}
      off={mode === now}
      asking={save}
      onSubmit={() => save.mutate()}
      onClose={onClose}
    >
      <Radio.Group value={mode} onChange={(value) => setMode(value as Mode)} aria-label="Mode">
        <div className={css.choice}>
          {(Object.keys(MODES) as Mode[]).map((each) => (
            <Radio
              key={each}
              value={each}
              label={`${MODES[each].label}${each === now ? " (now)" : ""}`}
              description={MODES[each].about}
            />
          ))}
        </div>
      </Radio.Group>
      {mode === "enforce" && now !== "enforce" && stops(actionOf(guard.spec)) && (
        <Notice tone="warn">
          {shadowed
            ? `In shadow mode it would have stopped ${formatInt(shadowed.stopped)} of ${formatInt(shadowed.of)} calls of the time shown.`
            : "Nothing is known of what it would stop: it has looked at no call in shadow mode in the time shown."}
        </Notice>
      )}
      {mode === "off" && now === "enforce" && (
        <Notice tone="warn">Calls pass without it from now on, and its report ends here.</Notice>
      )}
      <p className="muted">Releases that have it pinned keep the version and mode that they were made with.</p>
      <TextInput label="Why" value={message} onChange={(event) => setMessage(event.currentTarget.value)} />
    </FormDialog>
  );
}
