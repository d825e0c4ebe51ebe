import { Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { inProject, post } from "@/api/client";
import type { TraceDetail } from "@/api/types";
import { useMay } from "@/lib/role";
import { Notice, ProblemNotice } from "@/ui/Notice";

/** In place of what was said, for who may not read it: with a reason, one trace opens to them for an hour. */
export function Withheld({ project, traceId }: { project: string; traceId: string }) {
  const may = useMay("content:unmask");
  const [reason, setReason] = useState<string | null>(null);
  const queries = useQueryClient();
  const unmask = useMutation({
    mutationFn: (why: string) =>
      post<TraceDetail>(inProject(project, "traces", traceId, "unmask"), { reason: why.trim() }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["trace", project, traceId] });
      await queries.invalidateQueries({ queryKey: ["span-io", project, traceId] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason) unmask.mutate(reason);
  };
  return (
    <Notice tone="warn" title="Withheld: you may not read what was said">
      Your role shows numbers, names and verdicts.
      {!may && " An administrator can give one that reads content."}
      {may && reason === null && (
        <div>
          <Button variant="default" mt={8} onClick={() => setReason("")}>
            Unmask with a reason
          </Button>
        </div>
      )}
      {may && reason !== null && (
        <form onSubmit={submit}>
          <TextInput
            mt={8}
            label="Reason"
            description="Stands in the audit log, with your name. This trace then opens to you for an hour."
            placeholder="Such as a ticket's number"
            value={reason}
            maxLength={500}
            onChange={(event) => setReason(event.currentTarget.value)}
            data-autofocus
            required
          />
          <Button type="submit" mt={8} loading={unmask.isPending} disabled={reason.trim().length < 3}>
            Unmask this trace
          </Button>
        </form>
      )}
      {unmask.isError && <ProblemNotice error={unmask.error} />}
    </Notice>
  );
}
