import { Skeleton, Switch } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { inProject, put } from "@/api/client";
import { textIndexQuery } from "@/api/seen";
import type { TextIndex } from "@/api/types";
import { useMay } from "@/lib/role";
import { Panel } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";

/** Whether bare words of a search find what was said in this project. In force at once. */
export function TextIndexPanel({ project }: { project: string }) {
  const found = useQuery(textIndexQuery(project));
  const may = useMay("project:write");
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (on: boolean) => put<TextIndex>(inProject(project, "search", "text-index"), { on }),
    onSuccess: (now) => queries.setQueryData(textIndexQuery(project).queryKey, now),
  });
  return (
    <section aria-label="Search by words">
      <h2 style={{ fontSize: 14, fontWeight: 620, marginBottom: 8 }}>Search by words</h2>
      <Panel>
        <div style={{ padding: 20, display: "grid", gap: 14 }}>
          {found.isPending && <Skeleton height={48} />}
          {found.error && <ProblemNotice error={found.error} />}
          {found.data && (
            <Switch
              label="Find messages by their words"
              description="On: texts are kept once more, under an index. Off: that is saved for what comes from now on, and a search with bare words is refused; model:, user:, status: and all other keys work."
              checked={found.data.on}
              disabled={!may || change.isPending}
              onChange={(event) => change.mutate(event.currentTarget.checked)}
            />
          )}
          {change.error && <ProblemNotice error={change.error} />}
        </div>
      </Panel>
    </section>
  );
}
