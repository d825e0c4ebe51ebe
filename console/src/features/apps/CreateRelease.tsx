import { Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { inProject, post } from "@/api/client";
import { releaseDiffQuery } from "@/api/releases";
import type { AppDetail, CreatedRelease } from "@/api/releaseTypes";
import { FormDialog } from "@/ui/FormDialog";
import { Notice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { refreshReleases } from "../rollouts/Act";
import css from "./apps.module.css";
import { Diff } from "./Changes";

/** First what the draft changes against the newest release, then the message, then it is frozen. */
export function CreateRelease({ project, app, onClose }: { project: string; app: AppDetail; onClose: () => void }) {
  const [message, setMessage] = useState("");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const diff = useQuery({ ...releaseDiffQuery(project, app.name, "", "draft"), gcTime: 0 });
  const nothing = diff.data?.changes.length === 0 && app.newest > 0;
  const create = useMutation({
    mutationFn: () =>
      post<CreatedRelease>(inProject(project, "apps", app.name, "releases"), {
        message: message.trim(),
        expected_newest: app.newest,
        expected_revision: app.revision,
      }),
    onSuccess: async ({ release }) => {
      await refreshReleases(queries, project);
      void navigate({
        to: "/p/$project/apps/$app/releases/$release",
        params: { project, app: app.name, release: release.ref },
      });
    },
  });
  return (
    <FormDialog
      title={`Create ${app.name} r${app.newest + 1}`}
      size={760}
      action={`Create r${app.newest + 1}`}
      off={!diff.data || nothing || !message.trim()}
      asking={create}
      onSubmit={() => create.mutate()}
      onClose={onClose}
    >
      <h3 className={css.label}>
        {app.newest === 0 ? "What the first release does" : `What it changes against r${app.newest}`}
      </h3>
      <Pending of={diff} height={90} />
      {nothing && (
        <Notice tone="warn" title={`The draft does what r${app.newest} does`}>
          There is nothing to release. Where the prompt has a newer version, its label may not point at it yet.
        </Notice>
      )}
      {diff.data && !nothing && <Diff diff={diff.data} />}
      {!nothing && (
        <Textarea
          label="Message"
          description="What it is for, to whoever reads the timeline."
          autosize
          minRows={2}
          value={message}
          onChange={(event) => setMessage(event.currentTarget.value)}
          data-autofocus
        />
      )}
    </FormDialog>
  );
}
