import { Skeleton, Switch } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { inProject, put } from "@/api/client";
import { detectorsQuery } from "@/api/seen";
import type { DetectorList } from "@/api/types";
import { READ_ONLY, useMay } from "@/lib/role";
import { Panel } from "@/ui/bits";
import { Notice, ProblemNotice } from "@/ui/Notice";

/** Which silent failures are looked for in this project's answers. Each switch is in force at once. */
export function DetectorsPanel({ project }: { project: string }) {
  const found = useQuery(detectorsQuery(project));
  const may = useMay("project:write");
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (off: string[]) =>
      put<DetectorList>(inProject(project, "detectors"), { off, expected_revision: found.data?.revision }),
    onError: () => queries.invalidateQueries({ queryKey: detectorsQuery(project).queryKey }),
    onSuccess: (list) => queries.setQueryData(detectorsQuery(project).queryKey, list),
  });
  const items = found.data?.items ?? [];
  const declared = found.data?.source === "config";
  const toggle = (name: string, on: boolean) => {
    const off = items.filter((each) => (each.name === name ? !on : !each.on)).map((each) => each.name);
    change.mutate(off);
  };
  return (
    <section aria-label="Silent failures">
      <h2 style={{ fontSize: 14, fontWeight: 620, marginBottom: 8 }}>Silent failures</h2>
      <Panel>
        <div style={{ padding: 20, display: "grid", gap: 14 }}>
          <p className="muted">
            Looked for in every answer whose content is kept; what is found is a score of the call.{" "}
            <Link to="/p/$project/traces" params={{ project }} search={{ q: "has:score" }}>
              Calls with scores
            </Link>
          </p>
          {found.isPending && <Skeleton height={180} />}
          {found.error && <ProblemNotice error={found.error} />}
          {declared && <Notice tone="warn">The config file says which are off; change it there.</Notice>}
          {!may && found.data && <Notice tone="warn">{READ_ONLY}</Notice>}
          {items.map((each) => (
            <Switch
              key={each.name}
              label={each.about}
              description={each.name}
              checked={each.on}
              disabled={!may || declared || change.isPending}
              onChange={(event) => toggle(each.name, event.currentTarget.checked)}
            />
          ))}
          {change.error && <ProblemNotice error={change.error} />}
        </div>
      </Panel>
    </section>
  );
}
