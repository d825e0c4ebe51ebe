import { Skeleton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus, RotateCcw, Send, Trash2 } from "lucide-react";
import { useState } from "react";
import { inProject, post } from "@/api/client";
import { forwardsQuery } from "@/api/forwards";
import type { ForwardReplayed, ForwardTest, ForwardView } from "@/api/types";
import { formatAgo, formatDateTime, formatInt } from "@/lib/format";
import { useMay } from "@/lib/role";
import { Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { useLastSeen } from "@/ui/EditDrawer";
import { IconButton } from "@/ui/IconButton";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { PlainButton } from "@/ui/PlainButton";
import { useRemoval } from "@/ui/removal";
import { WriteButton } from "@/ui/WriteButton";
import { ForwardEditor } from "./ForwardEditor";
import { ForwardEvents } from "./ForwardEvents";
import { testWords } from "./forwardForm";
import css from "./settings.module.css";

const TONES = { well: "accent", failing: "bad", paused: "warn", idle: undefined } as const;
const NEW = "*";

interface Props {
  project: string;
  /** The destination whose form is open, or `*` for a new one. */
  edit: string | undefined;
  onEdit: (edit: string | undefined) => void;
  /** The destination of which is shown what was not delivered. */
  events: string | undefined;
  onEvents: (events: string | undefined) => void;
}

/** "Where do this project's closed traces go, and how does that fare?" */
export function ForwardsPanel({ project, edit, onEdit, events, onEvents }: Props) {
  const found = useQuery(forwardsQuery(project));
  const may = useMay("forward:write");
  const queries = useQueryClient();
  const [dropped, setDropped] = useState<ForwardView | null>(null);
  const replay = useMutation({
    mutationFn: (name: string) => post<ForwardReplayed>(inProject(project, "forwards", name, "replay"), {}),
    onSuccess: () => queries.invalidateQueries({ queryKey: forwardsQuery(project).queryKey }),
  });
  const test = useMutation({
    mutationFn: (name: string) => post<ForwardTest>(inProject(project, "forwards", name, "test")),
  });
  const items = found.data ?? [];
  const edited = useLastSeen(
    items.find((to) => to.name === edit && to.source === "catalog"),
    edit,
  );
  const acts: Acts = {
    onReplay: replay.mutate,
    onTest: test.mutate,
    testing: test.isPending ? test.variables : undefined,
    onEdit,
    onEvents,
    onDrop: setDropped,
  };
  return (
    <section aria-label="Forwarding">
      <h2 style={{ fontSize: 14, fontWeight: 620, marginBottom: 8 }}>Forwarding</h2>
      <Panel>
        {found.isPending && <Skeleton height={80} />}
        {found.error && <ProblemNotice error={found.error} />}
        {replay.error && <ProblemNotice error={replay.error} />}
        <Tested name={test.variables} test={test} />
        {found.data && items.length === 0 && (
          <p className="muted" style={{ padding: "20px 20px 0" }}>
            Closed traces go nowhere else. Send them to a collector, a webhook or Kafka: from here, with{" "}
            <code>trimtab forwards add</code>, or with <code>forwards</code> in the config file.
          </p>
        )}
        {items.length > 0 && (
          <DataTable label="Forwarding" columns={columns(acts)} rows={items} rowKey={(to) => to.name} />
        )}
        <div className={css.foot}>
          <WriteButton
            needs="forward:write"
            variant="default"
            size="sm"
            leftSection={<Plus size={15} />}
            onClick={() => onEdit(NEW)}
          >
            New destination
          </WriteButton>
        </div>
      </Panel>
      {may && found.data && (edit === NEW || edited) && (
        <ForwardEditor key={edit} project={project} forward={edited} onClose={() => onEdit(undefined)} />
      )}
      {events && <ForwardEvents key={events} project={project} name={events} onClose={() => onEvents(undefined)} />}
      <Drop project={project} forward={dropped} onClose={() => setDropped(null)} />
    </section>
  );
}

interface TestedProps {
  name: string | undefined;
  test: { data: ForwardTest | undefined; error: unknown; isPending: boolean };
}

function Tested({ name, test }: TestedProps) {
  if (test.isPending || (!test.data && !test.error)) return null;
  const came = test.data && testWords(test.data);
  return (
    <div className={css.told}>
      {came ? (
        <Notice
          tone={came.well ? "good" : "bad"}
          title={`Test of ${name}: ${came.well ? "it arrived" : "it did not arrive"}`}
        >
          <div style={{ overflowWrap: "anywhere" }}>{came.words}</div>
        </Notice>
      ) : (
        <ProblemNotice error={test.error} />
      )}
    </div>
  );
}

interface DropProps {
  project: string;
  forward: ForwardView | null;
  onClose: () => void;
}

function Drop({ project, forward, onClose }: DropProps) {
  const drop = useRemoval({
    at: (each: ForwardView) => [inProject(project, "forwards", each.name), each.revision],
    stale: [forwardsQuery(project).queryKey],
    onRemoved: onClose,
  });
  return (
    <Confirm
      opened={forward !== null}
      title={`Remove ${forward?.name}?`}
      action="Remove it"
      busy={drop.isPending}
      error={drop.error}
      onConfirm={() => forward && drop.mutate(forward)}
      onClose={() => {
        drop.reset();
        onClose();
      }}
    >
      Nothing more is sent there. Its secrets, its place among the traces and what could not be delivered are forgotten;
      to stop it for a while, switch off Deliver in its form instead.
    </Confirm>
  );
}

interface Acts {
  onReplay: (name: string) => void;
  onTest: (name: string) => void;
  testing: string | undefined;
  onEdit: (name: string) => void;
  onEvents: (name: string) => void;
  onDrop: (to: ForwardView) => void;
}

function columns(acts: Acts): Column<ForwardView>[] {
  return [
    {
      id: "name",
      label: "name",
      cell: (to) => (
        <>
          <strong>{to.name}</strong>
          <div className="mono muted">{to.kind}</div>
        </>
      ),
    },
    {
      id: "standing",
      label: "standing",
      cell: (to) => (
        <>
          <Tag tone={TONES[to.standing]}>{to.standing}</Tag>
          {to.problem && (
            <div className="muted" style={{ maxWidth: 240, overflowWrap: "anywhere" }}>
              {to.problem.slice(0, 600)}
            </div>
          )}
        </>
      ),
    },
    {
      id: "delivered",
      label: "delivered",
      align: "right",
      cell: (to) => (
        <>
          {formatInt(to.delivered)}
          {to.last_delivered !== null && (
            <div className="muted" title={formatDateTime(to.last_delivered)}>
              {formatAgo(to.last_delivered, Date.now())}
            </div>
          )}
        </>
      ),
    },
    {
      id: "lag",
      label: "behind",
      align: "right",
      cell: (to) => (to.lag > 0 ? `${formatInt(Math.ceil(to.lag / 1000))} s` : <span className="muted">no</span>),
    },
    { id: "failed", label: "failed", align: "right", cell: (to) => <Failed to={to} acts={acts} /> },
    { id: "acts", label: "", align: "right", cell: (to) => <Buttons to={to} acts={acts} /> },
  ];
}

function Failed({ to, acts }: { to: ForwardView; acts: Acts }) {
  const kept = to.failed_now + to.retrying;
  if (kept === 0) return <span className="muted">none</span>;
  return (
    <>
      {to.failed_now > 0 && (
        <WriteButton
          needs="forward:write"
          variant="default"
          leftSection={<RotateCcw size={13} />}
          onClick={() => acts.onReplay(to.name)}
          aria-label={`${formatInt(to.failed_now)}, try again at ${to.name}`}
        >
          {formatInt(to.failed_now)}, try again
        </WriteButton>
      )}
      <div>
        <PlainButton
          onClick={() => acts.onEvents(to.name)}
          label={`show ${formatInt(kept)} not delivered to ${to.name}`}
        >
          show {formatInt(kept)}
        </PlainButton>
      </div>
    </>
  );
}

function Buttons({ to, acts }: { to: ForwardView; acts: Acts }) {
  const why = to.source === "config" ? "The config file declares it: change it there." : undefined;
  return (
    <span className={css.acts}>
      <IconButton
        icon={Send}
        needs="forward:write"
        loading={acts.testing === to.name}
        onClick={() => acts.onTest(to.name)}
        label={`Test ${to.name}`}
      />
      <IconButton
        icon={Pencil}
        needs="forward:write"
        why={why}
        onClick={() => acts.onEdit(to.name)}
        label={`Edit ${to.name}`}
      />
      <IconButton
        icon={Trash2}
        needs="forward:write"
        why={why}
        onClick={() => acts.onDrop(to)}
        label={`Remove ${to.name}`}
      />
    </span>
  );
}
