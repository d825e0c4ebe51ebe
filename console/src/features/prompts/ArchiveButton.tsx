import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Archive, ArchiveRestore } from "lucide-react";
import { useState } from "react";
import { inProject, patch } from "@/api/client";
import { promptsKey } from "@/api/prompts";
import type { PromptView } from "@/api/types";
import { Confirm } from "@/ui/Confirm";
import { WriteButton } from "@/ui/WriteButton";

/** Puts a prompt away, or takes it out again. Nothing is lost: applications go on reading it. */
export function ArchiveButton({ project, prompt }: { project: string; prompt: PromptView }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const archived = prompt.archived !== null;
  const place = useMutation({
    mutationFn: () =>
      patch<PromptView>(inProject(project, "prompts", prompt.name), {
        archived: !archived,
        expected_version: prompt.newest,
      }),
    onError: () => queries.invalidateQueries({ queryKey: promptsKey(project) }),
    onSuccess: async () => {
      setAsking(false);
      await queries.invalidateQueries({ queryKey: promptsKey(project) });
    },
  });
  const Icon = archived ? ArchiveRestore : Archive;
  return (
    <>
      <WriteButton
        needs="prompt:write"
        variant="default"
        leftSection={<Icon size={14} />}
        loading={place.isPending && !asking}
        onClick={() => (archived ? place.mutate() : setAsking(true))}
      >
        {archived ? "Take out of the archive" : "Archive"}
      </WriteButton>
      <Confirm
        opened={asking}
        title={`Archive ${prompt.name}?`}
        action="Archive"
        busy={place.isPending}
        error={place.error}
        onConfirm={() => place.mutate()}
        onClose={() => setAsking(false)}
      >
        It is listed only when asked for and takes no new version. Applications that use it, and prompts that include
        it, go on as before.
      </Confirm>
    </>
  );
}
