import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Archive, ArchiveRestore } from "lucide-react";
import { useState } from "react";
import { archiveQueue, putQueue, reviewKey } from "@/api/review";
import type { QueueView } from "@/api/reviewTypes";
import { plural } from "@/lib/format";
import { Confirm } from "@/ui/Confirm";
import { ProblemNotice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";

/** Puts a queue away, and takes it out again. */
export function PlaceQueue({ project, queue }: { project: string; queue: QueueView }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const away = queue.archived === null;
  const act = useMutation({
    mutationFn: () =>
      away
        ? archiveQueue(project, queue.name, queue.revision)
        : putQueue(project, queue.name, queue.spec, queue.revision),
    onError: () => queries.invalidateQueries({ queryKey: reviewKey(project) }),
    onSuccess: async () => {
      setAsking(false);
      await queries.invalidateQueries({ queryKey: reviewKey(project) });
    },
  });
  const { open } = queue.standing;
  return (
    <>
      {act.isError && !asking && <ProblemNotice error={act.error} />}
      <WriteButton
        needs="review:manage"
        variant="subtle"
        size="compact-xs"
        leftSection={away ? <Archive size={12} /> : <ArchiveRestore size={12} />}
        onClick={() => (away ? setAsking(true) : act.mutate())}
        loading={act.isPending && !asking}
        aria-label={away ? `Archive ${queue.name}` : `Take ${queue.name} out of the archive`}
      >
        {away ? "Archive…" : "Take out"}
      </WriteButton>
      <Confirm
        opened={asking}
        title={`Archive ${queue.name}?`}
        action="Archive it"
        busy={act.isPending}
        error={act.error}
        onConfirm={() => act.mutate()}
        onClose={() => setAsking(false)}
      >
        Its rules send nothing more to it{queue.spec.holding ? ", and no answer waits for it any more" : ""}.
        {open > 0 && ` ${plural(open, "answer")} that ${open === 1 ? "waits" : "wait"} there may still be worked off.`}{" "}
        It can be taken out again.
      </Confirm>
    </>
  );
}
