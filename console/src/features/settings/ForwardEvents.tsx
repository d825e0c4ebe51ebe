import { Button, Drawer } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { RotateCcw, Trash2 } from "lucide-react";
import { useState } from "react";
import { del, inProject, post } from "@/api/client";
import { forwardEventsQuery, forwardsQuery } from "@/api/forwards";
import type { ForwardEventView, ForwardReplayed } from "@/api/types";
import { formatAgo, formatDateTime, plural } from "@/lib/format";
import { Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { IconButton } from "@/ui/IconButton";
import { ProblemNotice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import css from "./settings.module.css";

interface Props {
  project: string;
  name: string;
  onClose: () => void;
}

/** "Which traces did not get there, why, and what becomes of them?" */
export function ForwardEvents({ project, name, onClose }: Props) {
  const found = useInfiniteQuery(forwardEventsQuery(project, name));
  const queries = useQueryClient();
  const [dropped, setDropped] = useState<string | null>(null);
  const anew = () => queries.invalidateQueries({ queryKey: forwardsQuery(project).queryKey });
  const replay = useMutation({
    mutationFn: (event: string) => post<ForwardReplayed>(inProject(project, "forwards", name, "replay"), { event }),
    onSuccess: anew,
  });
  const drop = useMutation({
    mutationFn: (event: string) => del(inProject(project, "forwards", name, "events", event)),
    onSuccess: async () => {
      await anew();
      setDropped(null);
    },
  });
  const events = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Drawer opened onClose={onClose} position="right" size={720} title={<strong>Not delivered to {name}</strong>}>
      <Pending of={found} height={120} />
      {found.data && events.length === 0 && <p className="muted">Everything was delivered, or given up.</p>}
      {replay.error && <ProblemNotice error={replay.error} />}
      {events.length > 0 && (
        <DataTable
          label="Not delivered"
          columns={columns(project, replay.mutate, setDropped)}
          rows={events}
          rowKey={(event) => event.id}
        />
      )}
      {found.hasNextPage && (
        <Button mt={12} variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Show more
        </Button>
      )}
      <Confirm
        opened={dropped !== null}
        title="Give this trace up?"
        action="Give it up"
        busy={drop.isPending}
        error={drop.error}
        onConfirm={() => dropped && drop.mutate(dropped)}
        onClose={() => {
          drop.reset();
          setDropped(null);
        }}
      >
        {name} does not get it any more. Here the trace stays.
      </Confirm>
    </Drawer>
  );
}

function columns(
  project: string,
  onReplay: (event: string) => void,
  onDrop: (event: string) => void,
): Column<ForwardEventView>[] {
  const now = Date.now();
  return [
    {
      id: "trace",
      label: "trace",
      cell: (event) => (
        <Link
          className="mono"
          to="/p/$project/traces/$traceId"
          params={{ project, traceId: event.trace_id }}
          search={{}}
          title={event.trace_id}
        >
          {event.trace_id.slice(0, 12)}
        </Link>
      ),
    },
    {
      id: "state",
      label: "standing",
      cell: (event) => (
        <>
          <Tag tone={event.state === "failed" ? "bad" : "warn"}>
            {event.state === "failed" ? "failed" : "is tried again"}
          </Tag>
          <div className={css.said}>
            {event.problem.slice(0, 300) || (event.status ? `It answered ${event.status}.` : "It did not answer.")}
          </div>
        </>
      ),
    },
    {
      id: "tried",
      label: "tried",
      align: "right",
      cell: (event) => (
        <>
          {plural(event.tries, "time")}
          <div className="muted" title={formatDateTime(event.last_tried)}>
            {formatAgo(event.last_tried, now)}
          </div>
        </>
      ),
    },
    {
      id: "acts",
      label: "",
      align: "right",
      cell: (event) => (
        <span className={css.acts}>
          {event.state === "failed" && (
            <IconButton
              icon={RotateCcw}
              needs="forward:write"
              onClick={() => onReplay(event.id)}
              label={`Try ${event.trace_id} again`}
            />
          )}
          <IconButton
            icon={Trash2}
            needs="forward:write"
            onClick={() => onDrop(event.id)}
            label={`Give up ${event.trace_id}`}
          />
        </span>
      ),
    },
  ];
}
